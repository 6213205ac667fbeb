//! The SPD.

use engine::Requested;
use model::{Migration, Operation, Policy, PolicyId, PolicyType};
use pfkey::{references, spd};
use rustix::io::Errno;

use super::{ClientRequest, Handler, answered, pending::AnswerKind, requested};
use crate::pfkey::dump::policy_message;

impl Handler {
    /// X_SPDADD and X_SPDSETIDX. One that was carried out before a crash is answered as it was then.
    pub(super) fn spd_add(
        &mut self,
        request: &ClientRequest,
        policy: Box<Policy>,
    ) -> Result<(), Errno> {
        if request.is_repeated {
            self.finish();
            if let Some(Requested(entry)) = self.engine.added_policy(&policy) {
                let (msg_type, entry) = (request.header.msg_type, spd::without_default(entry));
                return self
                    .answer_with(request, spd::message(msg_type, &entry, references::ADDED));
            }
        }
        self.submit(request, AnswerKind::Plain, Operation::AddPolicy(policy));
        Ok(())
    }

    /// X_SPDUPDATE.
    pub(super) fn spd_update(&mut self, request: &ClientRequest, policy: Box<Policy>) {
        self.submit(request, AnswerKind::Plain, Operation::UpdatePolicy(policy));
    }

    /// X_SPDDELETE.
    pub(super) fn spd_delete(&mut self, request: &ClientRequest, id: PolicyId) {
        self.submit(request, AnswerKind::Plain, Operation::DeletePolicy(id));
    }

    /// X_SPDGET.
    pub(super) fn spd_get(&mut self, request: &ClientRequest, index: u32) -> Result<(), Errno> {
        self.finish();
        let entry = answered(self.engine.get_policy_of_index(index))?;
        let entry = requested(&mut self.engine, entry);
        self.answer_with(request, policy_message(request.header.msg_type, entry))
    }

    /// X_SPDDELETE2.
    pub(super) fn spd_delete2(&mut self, request: &ClientRequest, index: u32) -> Result<(), Errno> {
        self.finish();
        let entry = answered(self.engine.get_policy_of_index(index))?;
        self.submit(request, AnswerKind::ByIndex, Operation::DeletePolicy(entry.policy.id));
        Ok(())
    }

    /// X_SPDFLUSH.
    pub(super) fn spd_flush(&mut self, request: &ClientRequest) {
        self.submit(request, AnswerKind::Flush, Operation::FlushSpd(PolicyType::Main));
    }

    /// X_MIGRATE. The answer is the kernel's event, which all clients get, with `seq` and `pid` 0.
    pub(super) fn migrate(&mut self, migration: &Migration) -> Result<(), Errno> {
        self.finish();
        answered(self.engine.migrate(migration))
    }
}
