use std::{
    num::{NonZeroU32, NonZeroU64},
    ops::Not,
};

use model::{AlgorithmMasks, PolicyEntry, PolicyType, Prefix, ReqId, Selector, Template, Upper};
use schemars::JsonSchema;
use serde::Serialize;

use super::{LifetimesJson, MarkJson, SecurityContextJson, nonzero};

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Policy")]
pub struct PolicyJson {
    /// The packets that it is for.
    pub selector: SelectorJson,
    /// `in`, `out` or `fwd`.
    pub direction: &'static str,
    /// Whether it is the policy of a socket.
    #[serde(skip_serializing_if = "Not::not")]
    pub socket: bool,
    /// The kernel's priority: the lowest number is looked up first.
    pub priority: u32,
    /// `discard`, `none` or `ipsec`.
    pub action: &'static str,
    /// The templates, innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<TemplateJson>,
    /// The templates of a policy that drops its packets, which the kernel keeps and does not use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused_templates: Vec<TemplateJson>,
    /// `localok`, `icmp`, `cpu-acquire`, and hexadecimal numbers of flags that have no name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// `sub` for a policy of Mobile IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<&'static str>,
    /// The network device that processes the packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offload_device: Option<String>,
    /// The limits, unless there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetimes: Option<LifetimesJson>,
    /// Limits that are 0 in the kernel, which has no effect: `bs`, `bh`, `ps`, `ph`, as `-zero` of setkey has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zero_limits: Vec<&'static str>,
    /// The mark that packets must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<MarkJson>,
    /// The number of the xfrm interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_id: Option<NonZeroU32>,
    /// The security context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContextJson>,
    /// The kernel's index.
    pub index: u32,
    /// When it was added, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// When it was last used, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<u64>,
}

/// The selector of a policy or an SA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Selector")]
pub struct SelectorJson {
    /// Source prefix.
    pub src: String,
    /// Destination prefix.
    pub dst: String,
    /// The number of the upper-layer protocol, unless it is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// Source port; 0 for any. Set if the destination port is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    /// Destination port; 0 for any. Set if the source port is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_port: Option<u16>,
    /// The type of ICMP and the like, in the place of ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<u16>,
    /// The code of ICMP and the like, in the place of ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The bits of the source port that are compared, where they are others than all or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_port_mask: Option<u16>,
    /// The bits of the destination port that are compared, where they are others than all or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_port_mask: Option<u16>,
    /// The device that packets arrive at or leave by, unless it is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The number in the kernel's `xfrm_selector.user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<NonZeroU32>,
}

/// A template of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Template")]
pub struct TemplateJson {
    /// `ah`, `esp` or `ipcomp`, or the name of another protocol.
    pub protocol: &'static str,
    /// The mode.
    pub mode: &'static str,
    /// Source address of the outer header, where the mode has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
    /// Destination address of the outer header, where the mode has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst: Option<String>,
    /// `default`, `use`, `require` or `unique`.
    pub level: &'static str,
    /// The reqid that SAs must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reqid: Option<u32>,
    /// The SPI that SAs must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi: Option<u32>,
    /// The algorithms that SAs may have, unless any will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm_masks: Option<AlgorithmMasksJson>,
    /// The kernel's field `share`, where it does not hold the level: `any`, `session`, `user`, `unique` or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// How the template is installed: `required`, `optional` or `not installed`. `ipsecctl show` sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<&'static str>,
    /// The SPIs of the SAs that serve it; `ipsecctl show` sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sas: Option<Vec<u32>>,
}

/// The algorithms that SAs of a template may have: bit N is the algorithm of PF_KEY's number N.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AlgorithmMasks")]
pub struct AlgorithmMasksJson {
    /// Encryption algorithms.
    pub encryption: u32,
    /// Authentication algorithms.
    pub authentication: u32,
    /// Compression algorithms.
    pub compression: u32,
}

impl AlgorithmMasksJson {
    /// The masks of a template, unless any algorithm will do.
    fn of(masks: AlgorithmMasks) -> Option<Self> {
        let AlgorithmMasks { crypt, auth, comp } = masks;
        (masks != AlgorithmMasks::default()).then_some(Self {
            encryption: crypt,
            authentication: auth,
            compression: comp,
        })
    }
}

/// The policy for the packets of an IP version and direction that no other policy matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "DefaultPolicy")]
pub struct DefaultPolicyJson {
    /// 4 or 6.
    pub version: u8,
    /// `in`, `out` or `fwd`.
    pub direction: &'static str,
    /// `discard` or `none`, as the variables have it.
    pub default_policy: &'static str,
    /// The kernel's own default policy, `discard` or `none`, which is one for both IP versions, if
    /// it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_default: Option<&'static str>,
    /// Whether packets are treated as `default_policy` demands.
    pub in_force: bool,
}

impl PolicyJson {
    /// A policy of the SPD.
    #[must_use]
    pub fn new(entry: &PolicyEntry) -> Self {
        let policy = &entry.policy;
        Self {
            selector: (&policy.id.selector).into(),
            direction: policy.id.direction.word(),
            socket: entry.socket,
            priority: policy.priority.0,
            action: policy.action.word(),
            templates: policy.action.templates().iter().map(Into::into).collect(),
            unused_templates: policy.unused_templates.iter().map(Into::into).collect(),
            flags: policy.flags.words().collect(),
            policy_type: match policy.id.policy_type {
                PolicyType::Main => None,
                kind @ PolicyType::Sub => Some(kind.word()),
            },
            offload_device: policy.offload.map(|device| device.to_string()),
            lifetimes: LifetimesJson::of(&policy.lifetimes),
            zero_limits: policy.zero_limits.words().collect(),
            mark: MarkJson::of(policy.id.mark),
            if_id: policy.id.if_id,
            security_context: policy.id.sec_ctx.as_ref().map(Into::into),
            index: entry.index,
            added: nonzero(entry.current.add_time),
            last_used: entry.current.use_time.map(NonZeroU64::get),
        }
    }
}

impl From<&Selector> for SelectorJson {
    fn from(selector: &Selector) -> Self {
        let prefix = |prefix: Prefix| format!("{}/{}", prefix.addr(), prefix.length());
        let has_type = selector.upper.has_type_and_code();
        let is_any = (selector.src_port, selector.dst_port) == (0, 0);
        let port = |port| (!is_any && !has_type).then_some(port);
        let of_type = |number| (!is_any && has_type).then_some(number);
        Self {
            src: prefix(selector.src()),
            dst: prefix(selector.dst()),
            protocol: match selector.upper {
                Upper::Any => None,
                Upper::Number(number) => Some(number),
            },
            src_port: port(selector.src_port),
            dst_port: port(selector.dst_port),
            r#type: of_type(selector.src_port),
            code: of_type(selector.dst_port),
            src_port_mask: selector.port_masks.map(|masks| masks.src),
            dst_port_mask: selector.port_masks.map(|masks| masks.dst),
            device: selector.device.map(|device| device.to_string()),
            user: NonZeroU32::new(selector.user),
        }
    }
}

impl From<&Template> for TemplateJson {
    fn from(template: &Template) -> Self {
        let endpoints = template.mode.endpoints();
        Self {
            protocol: template.proto.word(),
            mode: template.mode.mode().word(),
            src: endpoints.map(|endpoints| endpoints.src().to_string()),
            dst: endpoints.map(|endpoints| endpoints.dst().to_string()),
            level: template.level.word(),
            reqid: template.reqid().map(ReqId::number),
            spi: template.details.spi.map(|spi| spi.0),
            algorithm_masks: AlgorithmMasksJson::of(template.details.algorithms),
            share: template.details.share.map(|share| share.to_string()),
            installed: None,
            sas: None,
        }
    }
}
