//! What doctor finds: one condition of the host, a line each.

use cli::json::ConditionJson;
use model::table;

struct Row {
    word: &'static str,
}

table! {
    /// How a condition is.
    pub enum Status: Row, "status" {
        /// It is there.
        Ok => Row { word: "ok" },
        /// It works, and would work better otherwise.
        Advice => Row { word: "advice" },
        /// Packets or statements fail, or are not protected.
        Fault => Row { word: "fault" },
        /// It was not looked at.
        Unknown => Row { word: "unknown" },
    }
}

table! {
    /// What a condition is about.
    pub enum Subject: Row, "subject" {
        /// The kernel and its interfaces.
        Kernel => Row { word: "kernel" },
        /// A protocol, of an IP version, or a mode.
        Protocol => Row { word: "protocol" },
        /// An algorithm of SAs.
        Algorithm => Row { word: "algorithm" },
        /// An option of SAs that not every kernel has.
        Option => Row { word: "option" },
        /// A module beside those.
        Module => Row { word: "module" },
        /// A file of /proc/sys.
        Sysctl => Row { word: "sysctl" },
        /// Work that a network device does.
        Offload => Row { word: "offload" },
        /// Lockdown, security modules, FIPS.
        Security => Row { word: "security" },
        /// PF_KEY of the kernel.
        AfKey => Row { word: "af_key" },
        /// What this process may do.
        Caller => Row { word: "caller" },
        /// The daemon and its directory.
        Ipsecd => Row { word: "ipsecd" },
        /// A script as a whole.
        Script => Row { word: "script" },
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub status: Status,
    pub subject: Subject,
    /// What there is.
    pub what: String,
    /// The package or command that mends it.
    pub remedy: Option<String>,
    /// The statement that needs it.
    pub place: Option<String>,
}

impl Condition {
    pub fn ok(subject: Subject, what: impl Into<String>) -> Self {
        Self { status: Status::Ok, subject, what: what.into(), remedy: None, place: None }
    }

    pub fn advice(subject: Subject, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Advice, remedy: Some(remedy.into()), ..Self::ok(subject, what) }
    }

    pub fn fault(subject: Subject, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Fault, remedy: Some(remedy.into()), ..Self::ok(subject, what) }
    }

    pub fn unknown(subject: Subject, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Unknown, remedy: Some(remedy.into()), ..Self::ok(subject, what) }
    }

    pub fn json(&self) -> ConditionJson {
        ConditionJson {
            status: self.status.word(),
            subject: self.subject.word(),
            what: self.what.clone(),
            remedy: self.remedy.clone(),
            place: self.place.clone(),
        }
    }

    /// The condition as a line.
    pub fn line(&self) -> String {
        let place = self.place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default();
        let remedy = self.remedy.as_deref().map(|it| format!("; {it}")).unwrap_or_default();
        let (status, subject) = (self.status.word(), self.subject.word());
        format!("{status:<8}{subject:<10}{place}{}{remedy}", self.what)
    }
}
