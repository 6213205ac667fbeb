//! What a client gets: registration for ACQUIREs, promiscuous mode.

use pfkey::Message;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{ClientRequest, Handler};
use crate::pfkey::sessions::Audience;

impl Handler {
    /// REGISTER. The answer has the algorithms of the kernel.
    pub(super) fn register(&mut self, request: &ClientRequest) -> Result<(), Errno> {
        self.finish();
        let ClientRequest { session, header, .. } = *request;
        let registering = self.sessions.get(session).ok_or(Errno::PIPE)?;
        if !registering.register(header.satype) {
            return Err(Errno::EXIST);
        }
        self.follow_registrations();
        self.registrations_changed = true;
        let supported = pfkey::event::register(header.satype).numbered(header.seq, header.pid);
        self.sessions.send(&supported, Audience::Registered(Some(session)), Some(session));
        Ok(())
    }

    /// X_PROMISC.
    pub(super) fn promisc(&mut self, request: &ClientRequest, is_promiscuous: bool) {
        self.finish();
        if let Some(session) = self.sessions.get(request.session) {
            session.set_promiscuous(is_promiscuous);
        }
        self.registrations_changed = true;
        let repeated = Message { errno: 0, ..request.header.clone() };
        self.sessions.send(&repeated, Audience::All, Some(request.session));
    }

    /// X_PROMISC that contains another message: all clients get it.
    pub(super) fn repeat(&mut self, request: &ClientRequest) {
        self.finish();
        let copy = Zeroizing::new(request.bytes.to_vec());
        self.sessions.send_bytes(copy, Audience::All, Some(request.session));
    }

    /// Has the kernel send ACQUIREs while a client is registered: without a program that makes SAs,
    /// no packet is to wait for one.
    pub(in crate::pfkey) fn follow_registrations(&mut self) {
        self.events.set_acquires(self.sessions.any_registered());
    }

    /// Whether a client has registered or changed its mode since the last call.
    pub(in crate::pfkey) fn take_registrations_changed(&mut self) -> bool {
        std::mem::take(&mut self.registrations_changed)
    }
}
