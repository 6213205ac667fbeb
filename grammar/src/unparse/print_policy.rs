//! Policies as text.

use std::fmt::{Display, Formatter, Result};

use model::PriorityBase;

use crate::tree::{Detail, DetailWord, Endpoint, Ends, Level, Offset, Policy, Priority, Template};

impl Display for Policy {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.direction.value.word())?;
        self.priority.iter().try_for_each(|priority| write!(f, " prio {}", priority.value))?;
        self.action.iter().try_for_each(|action| write!(f, " {}", action.value.word()))?;
        self.templates.iter().try_for_each(|template| write!(f, " {}", template.value))
    }
}

impl Display for Priority {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (base, offset) = match *self {
            Priority::From { base, offset } => (base.map_or("", PriorityBase::word), offset),
            Priority::Number(number) => return write!(f, "number:{number}"),
        };
        f.write_str(base)?;
        match offset {
            None => Ok(()),
            Some(Offset { later: true, by }) => write!(f, " - {by}"),
            Some(Offset { later: false, by }) if base.is_empty() => by.fmt(f),
            Some(Offset { later: false, by }) => write!(f, " + {by}"),
        }
    }
}

impl Display for Template {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}/{}", self.proto.word(), self.mode.word())?;
        match (&self.ends, self.level) {
            (None, None) => Ok(()),
            (None, Some(level)) => write!(f, "//{level}"),
            (Some(ends), None) => write!(f, "/{}", ends.value),
            (Some(ends), Some(level)) => write!(f, "/{}/{level}", ends.value),
        }?;
        self.details.iter().try_for_each(|detail| write!(f, "/{}", detail.value))
    }
}

impl Display for Detail {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:", self.word().word())?;
        match self {
            Detail::Number(DetailWord::ReqId, number) => number.fmt(f),
            Detail::Number(_, number) => write!(f, "{number:#x}"),
            Detail::Share(share) => share.fmt(f),
        }
    }
}

impl Display for Ends {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Ends::Addresses(src, dst) => write!(f, "{src}-{dst}"),
            Ends::MeAny => f.write_str("me-any"),
            Ends::AnyMe => f.write_str("any-me"),
        }
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.address.value)?;
        self.port.iter().try_for_each(|port| write!(f, "[{port}]"))
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.kind.word())?;
        self.number.iter().try_for_each(|number| write!(f, ":{number}"))
    }
}
