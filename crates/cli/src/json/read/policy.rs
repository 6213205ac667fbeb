//! Policies.

use std::{net::IpAddr, num::NonZeroU32};

use model::{
    Action, ActionKind, AddressPair, AlgorithmMasks, Current, DeviceName, Direction, Installation,
    LevelKind, Mode, Policy, PolicyEntry, PolicyFlags, PolicyId, PolicyType, Priority, Proto,
    ReqId, Share, Spi, Template, TemplateDetails, TemplateMode, ZeroLimits,
};
use serde::Deserialize;

use super::values::{ReadContext, ReadLifetimes, ReadMark, ReadSelector, Text};

#[derive(Deserialize)]
pub struct ReadPolicy {
    selector: ReadSelector,
    direction: Text<Direction>,
    #[serde(default)]
    socket: bool,
    priority: u32,
    action: Text<ActionKind>,
    #[serde(default)]
    templates: Vec<ReadTemplate>,
    #[serde(default)]
    unused_templates: Vec<ReadTemplate>,
    #[serde(default)]
    flags: Vec<Text<PolicyFlags>>,
    policy_type: Option<Text<PolicyType>>,
    offload_device: Option<Text<DeviceName>>,
    lifetimes: Option<ReadLifetimes>,
    #[serde(default)]
    zero_limits: Vec<Text<ZeroLimits>>,
    mark: Option<ReadMark>,
    if_id: Option<NonZeroU32>,
    security_context: Option<ReadContext>,
    #[serde(default)]
    index: u32,
}

#[derive(Deserialize)]
struct ReadTemplate {
    protocol: Text<Proto>,
    mode: Text<Mode>,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    level: Text<LevelKind>,
    reqid: Option<u32>,
    spi: Option<u32>,
    algorithm_masks: Option<ReadMasks>,
    share: Option<Text<Share>>,
    installed: Option<String>,
}

#[derive(Deserialize)]
struct ReadMasks {
    encryption: u32,
    authentication: u32,
    compression: u32,
}

impl ReadPolicy {
    /// The policy. Errors: what cannot be.
    pub fn entry(self) -> Result<PolicyEntry, String> {
        let id = PolicyId {
            sec_ctx: self.security_context.map(Into::into),
            mark: ReadMark::mark(self.mark),
            if_id: self.if_id,
            policy_type: self.policy_type.map_or(PolicyType::Main, |it| it.0),
            ..PolicyId::new(self.selector.selector()?, self.direction.0)
        };
        let installation = installation(&self.templates);
        let of = |templates: Vec<ReadTemplate>| {
            templates.into_iter().map(ReadTemplate::template).collect::<Result<Vec<_>, _>>()
        };
        let templates = of(self.templates)?;
        let action = match self.action.0 {
            ActionKind::Discard => Action::Discard,
            ActionKind::None => Action::None,
            ActionKind::Ipsec => Action::Ipsec(templates),
            kind @ (ActionKind::Entrust | ActionKind::Bypass) => {
                return Err(format!("the action {} is that of a socket", kind.word()));
            }
        };
        let policy = Policy {
            priority: Priority(self.priority),
            lifetimes: self.lifetimes.unwrap_or_default().lifetimes(),
            zero_limits: self.zero_limits.iter().fold(ZeroLimits::default(), |all, it| all | it.0),
            flags: self.flags.iter().fold(PolicyFlags::default(), |all, flag| all | flag.0),
            offload: self.offload_device.map(|device| device.0),
            unused_templates: of(self.unused_templates)?,
            ..Policy::new(id, action)
        };
        Ok(PolicyEntry {
            policy,
            installation,
            index: self.index,
            socket: self.socket,
            current: Current::default(),
        })
    }
}

/// How templates are installed: as `ipsecctl show` has it, or else as their levels are.
fn installation(templates: &[ReadTemplate]) -> Installation {
    let mut optional = templates.iter().map(|template| match template.installed.as_deref() {
        Some(installed) => installed == "optional",
        None => template.level.0 == LevelKind::Use,
    });
    let any = Template::new(Proto::Any, TemplateMode::Transport, LevelKind::Require.with(None));
    let places = vec![any; templates.len()];
    let is_missing = |it: &ReadTemplate| it.installed.as_deref() == Some("not installed");
    let mut installation = Installation::of(&places, |_| optional.next().unwrap_or(false));
    installation.is_partial = templates.iter().any(is_missing);
    installation
}

impl ReadTemplate {
    fn template(self) -> Result<Template, String> {
        let ends = match (self.src, self.dst) {
            (Some(src), Some(dst)) => AddressPair::new(src, dst).map_err(|it| it.to_string())?,
            (None, None) => AddressPair::UNSPECIFIED,
            _ => return Err("a template has src without dst, or dst without src".to_owned()),
        };
        let (mode, reqid) = (self.mode.0, self.reqid.and_then(ReqId::new));
        let level = self.level.0.with(reqid);
        let masks = self.algorithm_masks.map(|it| AlgorithmMasks {
            crypt: it.encryption,
            auth: it.authentication,
            comp: it.compression,
        });
        let details = TemplateDetails {
            reqid: reqid.filter(|_| level.reqid().is_none()),
            spi: self.spi.map(Spi),
            algorithms: masks.unwrap_or_default(),
            share: None,
        };
        let mode = TemplateMode::new(mode, ends);
        let mut template = Template { details, ..Template::new(self.protocol.0, mode, level) };
        if let Some(Text(share)) = self.share {
            template.set_share(share);
        }
        Ok(template)
    }
}
