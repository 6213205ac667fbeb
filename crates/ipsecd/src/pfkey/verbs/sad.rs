//! The SAD.

use std::num::NonZeroU32;

use model::{Operation, Proto, Sa, SaId, SaState};
use pfkey::{command::GetSpi, sad};
use rustix::io::Errno;

use super::{ClientRequest, Handler, answered, pending::AnswerKind};

impl Handler {
    /// GETSPI.
    pub(super) fn get_spi(
        &mut self,
        request: &ClientRequest,
        get_spi: &GetSpi,
    ) -> Result<(), Errno> {
        self.finish();
        let GetSpi { acquire, larval, range } = get_spi;
        let larval = answered(self.engine.get_spi(*acquire, larval, *range))?;
        self.answer_with(request, sad::message(request.header.msg_type, &larval))
    }

    /// ADD. One that was carried out before a crash is answered as it was then.
    pub(super) fn add(&mut self, request: &ClientRequest, mut sa: Box<Sa>) -> Result<(), Errno> {
        self.settings.complete(&mut sa);
        if request.is_repeated {
            self.finish();
            if let Some(entry) = self.engine.added_sa(&sa) {
                return self.answer_with(request, sad::message(request.header.msg_type, &entry));
            }
        }
        self.submit(request, AnswerKind::Plain, Operation::AddSa(sa));
        Ok(())
    }

    /// UPDATE.
    pub(super) fn update(&mut self, request: &ClientRequest, mut sa: Box<Sa>) {
        self.settings.complete(&mut sa);
        // An ADD of the same SA may be pending.
        self.finish();
        let present = self.engine.get_sa(&sa.id());
        let is_mature = present.is_ok_and(|entry| entry.state != SaState::Larval);
        // One that is repeated may have made it mature.
        let is_mature = is_mature && !request.is_repeated;
        let kind = if is_mature { AnswerKind::UpdateOfMature } else { AnswerKind::Plain };
        self.submit(request, kind, Operation::UpdateSa(sa));
    }

    /// DELETE.
    pub(super) fn delete(&mut self, request: &ClientRequest, id: SaId) {
        self.submit(request, AnswerKind::Plain, Operation::DeleteSa(id, None));
    }

    /// GET.
    pub(super) fn get(&mut self, request: &ClientRequest, id: &SaId) -> Result<(), Errno> {
        self.finish();
        let entry = answered(self.engine.get_sa(id))?;
        self.answer_with(request, sad::message(request.header.msg_type, &entry))
    }

    /// FLUSH.
    pub(super) fn flush(&mut self, request: &ClientRequest, proto: Option<Proto>) {
        self.submit(request, AnswerKind::Flush, Operation::FlushSad(proto));
    }

    /// ACQUIRE from a client: it has failed to make the SA that the kernel's ACQUIRE of this number
    /// asked for.
    pub(super) fn acquire(&mut self, failed: Option<NonZeroU32>) -> Result<(), Errno> {
        self.finish();
        match failed {
            Some(seq) => answered(self.acquires.give_up(seq, &mut self.engine)),
            None => Ok(()),
        }
    }

    /// Adds a change to the batch. Its answer is queued when the batch was sent.
    pub(super) fn submit(
        &mut self,
        request: &ClientRequest,
        kind: AnswerKind,
        operation: Operation,
    ) {
        let requester = (request.session, request.header.clone());
        self.pending.submit(&mut self.engine, requester, kind, operation);
    }
}
