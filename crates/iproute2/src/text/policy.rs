//! `ip xfrm policy`.

use model::{
    Action, AlgorithmMasks, Current, Direction, Installation, KernelTemplate, MAX_DEPTH, Policy,
    PolicyEntry, PolicyFlags, PolicyId, PolicyType, Priority, ReqId, Share, Spi, Template,
    TemplateMode,
};

use super::{EntryOfText, Error, words::UnreadWords};

/// What may follow the flags of a policy.
const ITEMS: &str = "tmpl, mark, or another word of `ip xfrm policy`";

/// Reads a policy after `src`; and whether it has what `-s` prints.
pub fn read(words: &mut UnreadWords<'_>) -> Result<(EntryOfText, bool), Error> {
    let (selector, is_detailed) = words.selector()?;
    let context = if words.take("security") { Some(words.context()?) } else { None };
    let is_socket = words.take("socket");
    if !is_socket {
        words.expect("dir")?;
    }
    let direction: Direction = words.parse("a direction: in, out or fwd")?;
    if is_socket {
        words.skip();
        return Ok((EntryOfText::SocketPolicy, is_detailed));
    }
    let mut id = PolicyId { sec_ctx: context, ..PolicyId::new(selector, direction) };
    let blocks = words.take("action")
        && words.convert("an action: allow or block", |word| match word {
            "allow" => Some(false),
            "block" => Some(true),
            _ => None,
        })?;
    let index = if words.take("index") { words.number("a number")? } else { 0 };
    words.expect("priority")?;
    let priority = Priority(words.number("a number")?);
    if words.take("ptype") {
        id.policy_type = words.parse::<PolicyType>("a type: main or sub")?;
    }
    if words.take("share") {
        // The kernel keeps none.
        words.next();
    }
    let flags = read_flags(words);
    let mut policy = Policy { priority, flags, ..Policy::new(id, Action::None) };
    let mut templates = Vec::new();
    while !words.peek().is_empty() {
        read_item(words, &mut policy, &mut templates)?;
    }
    let mut printed = templates.iter();
    let templates: Vec<_> = templates.iter().map(|template| template.template(blocks)).collect();
    let installation =
        Installation::of(&templates, |_| printed.next().is_some_and(|it| it.kernel.is_optional));
    match (blocks, templates.is_empty()) {
        (true, _) => {
            (policy.action, policy.unused_templates) = (Action::Discard, templates);
        }
        (false, true) => {}
        (false, false) => policy.action = Action::Ipsec(templates),
    }
    let installation = if blocks { Installation::default() } else { installation };
    let entry =
        PolicyEntry { policy, installation, index, socket: false, current: Current::default() };
    Ok((EntryOfText::Policy(Box::new(entry)), is_detailed))
}

/// Flags by name, and the digits of those that have none.
fn read_flags(words: &mut UnreadWords<'_>) -> PolicyFlags {
    let mut flags = PolicyFlags::default();
    if !words.take("flag") {
        return flags;
    }
    loop {
        let word = words.peek();
        let digits = || (word.len() <= 2).then(|| u8::from_str_radix(word, 16).ok()).flatten();
        let flag = word.parse().ok().or_else(|| digits().map(PolicyFlags::from_bits));
        let Some(flag) = flag else { break };
        flags = flags | flag;
        words.next();
    }
    // `(0x00000001)`, the same bits.
    if words.peek().starts_with("(0x") {
        words.next();
    }
    flags
}

fn read_item(
    words: &mut UnreadWords<'_>,
    policy: &mut Policy,
    templates: &mut Vec<Printed>,
) -> Result<(), Error> {
    let at = words.clone();
    match words.next() {
        "mark" => policy.id.mark = words.mark()?,
        "if_id" => policy.id.if_id = words.if_id()?,
        "tmpl" if templates.len() == MAX_DEPTH => {
            return Err(at.wrong(format!("at most {MAX_DEPTH} templates")));
        }
        "tmpl" => templates.push(read_template(words)?),
        "lifetime" if words.take("config:") => {
            (policy.lifetimes, policy.zero_limits) = words.limits()?;
        }
        "lifetime" => {
            words.expect("current:")?;
            words.current()?;
        }
        "lastused" => words.date(),
        "crypto" => {
            words.expect_all("offload parameters: dev")?;
            policy.offload = Some(words.parse("the name of a device")?);
            if words.take("mode") {
                words.next();
            }
        }
        _ => return Err(at.wrong(ITEMS)),
    }
    Ok(())
}

/// A template as it is printed: what it becomes depends on the action of its policy.
struct Printed {
    kernel: KernelTemplate,
    /// With `-s` alone.
    has_share: bool,
}

impl Printed {
    fn template(&self, is_unused: bool) -> Template {
        let kernel = self.kernel;
        let mut template = if is_unused { kernel.unused() } else { kernel.template() };
        template.details.share = template.details.share.filter(|_| self.has_share);
        template
    }
}

fn read_template(words: &mut UnreadWords<'_>) -> Result<Printed, Error> {
    words.expect("src")?;
    let ends = words.ends()?;
    words.expect("proto")?;
    let proto = words.proto()?;
    let spi = if words.take("spi") { words.number("an SPI")? } else { 0 };
    words.expect("reqid")?;
    let reqid = ReqId::new(words.number("a number")?);
    words.expect("mode")?;
    let mode = TemplateMode::new(words.mode()?, ends);
    let is_optional = words.take("level")
        && words.convert("a level: required or use", |word| match word {
            "required" => Some(false),
            "use" => Some(true),
            number => number.parse::<u8>().ok().map(|number| number != 0),
        })?;
    let has_share = words.take("share");
    let share = if has_share { words.parse("a share")? } else { Share(0) };
    let mut algorithms = AlgorithmMasks::default();
    if words.peek() == "enc-mask" {
        let mut masks = [0; 3];
        for (mask, word) in masks.iter_mut().zip(["enc-mask", "auth-mask", "comp-mask"]) {
            words.expect(word)?;
            *mask = words.convert("a mask", |word| u32::from_str_radix(word, 16).ok())?;
        }
        let [crypt, auth, comp] = masks;
        algorithms = AlgorithmMasks { crypt, auth, comp };
    }
    let spi = (spi != 0).then_some(Spi(spi));
    let kernel = KernelTemplate { proto, mode, reqid, is_optional, share, spi, algorithms };
    Ok(Printed { kernel, has_share })
}
