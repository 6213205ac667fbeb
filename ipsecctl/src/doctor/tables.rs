//! The kernel's SAD and SPD, as far as they need something of the host.

use engine::{Engine, EngineOptions};
use rustix::io::Errno;

use super::{
    condition::{Condition, Subject},
    files::Files,
    needs::Needs,
};

/// What was read of the kernel's tables.
#[derive(Default)]
pub struct ExaminedTables {
    /// To ask the kernel more, if this process may.
    pub engine: Option<Engine>,
    /// Why the tables were not read.
    pub error: Option<String>,
    /// The kernel has no XFRM netlink.
    is_missing: bool,
    /// Policies with an optional tunnel that is not installed.
    pub partial: usize,
}

impl ExaminedTables {
    /// Reads both, and takes note of what they need.
    pub fn read(needs: &mut Needs) -> Self {
        let mut tables = Self::default();
        let read = Engine::open(EngineOptions::default()).and_then(|mut engine| {
            for sa in engine.sas()? {
                needs.add_sa(&sa?.sa);
            }
            for policy in engine.policies()? {
                let (requested, installed) = policy?;
                let templates = |policy: &model::Policy| policy.action.templates().len();
                let (of_requested, of_installed) =
                    (templates(&requested.policy), templates(&installed.policy));
                tables.partial += usize::from(of_requested > of_installed);
                if !installed.socket {
                    needs.add_policy(&requested.policy);
                }
            }
            Ok(engine)
        });
        match read {
            Ok(engine) => tables.engine = Some(engine),
            Err(error) => {
                tables.is_missing = error.errno() == Errno::PROTONOSUPPORT;
                tables.error = Some(sys::without_number(error.to_string()));
            }
        }
        tables
    }

    /// The kernel's release, and its interfaces for IPsec.
    pub fn conditions(&self, files: &Files) -> Vec<Condition> {
        let of = Subject::Kernel;
        let release = &files.release;
        let mut conditions = vec![if files.version() < (5, 10) {
            let what = format!("Linux {release} is older than any that xfrm-tools are tested with");
            Condition::advice(of, what, "a kernel from Linux 5.10 on")
        } else {
            Condition::ok(of, format!("Linux {release}"))
        }];
        if self.is_missing {
            let what = "the kernel has no XFRM netlink: it has no SAs and policies";
            let remedy = "`modprobe xfrm_user`, or a kernel with CONFIG_XFRM_USER";
            conditions.push(Condition::fault(of, what, remedy));
        } else {
            conditions.push(Condition::ok(of, "XFRM netlink is there"));
        }
        if !files.is_there("proc/net/xfrm_stat") {
            let what = "the kernel does not count dropped packets";
            conditions.push(Condition::advice(of, what, "a kernel with CONFIG_XFRM_STATISTICS"));
        }
        conditions
    }
}
