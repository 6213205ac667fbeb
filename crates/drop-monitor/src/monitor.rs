//! The alerts, from the start of the drop monitor to its end.

use std::os::fd::{AsFd, BorrowedFd};

use generic_netlink::{connect, errno};
use netlink_sys::Socket;
use rustix::{
    io::Errno,
    net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force},
};
use sys::datagrams::{Inbox, Wait};
use tracing::debug;

use crate::{Alert, AlertConfiguration, AlertMode, Error, claim::Claim, control::Control};

/// Bytes of the receive buffer of alerts; the kernel doubles it for its own bookkeeping.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Alerts that are received at once.
const AHEAD: usize = 32;

/// Bytes of the room for an alert: a packet that is not truncated fits an attribute, which has 64 KiB.
const ROOM: usize = 68 << 10;

/// Who has started the drop monitor.
enum Start {
    /// This process, with the configuration before and the claim, if a record could be made.
    Ours { before: AlertConfiguration, claim: Option<Claim> },
    /// Another process, which stops it.
    Anothers,
}

/// What has come.
#[derive(Default)]
pub struct ReceivedAlerts {
    /// The packets.
    pub alerts: Vec<Alert>,
    /// Whether the kernel has dropped alerts, since the receive buffer was full.
    pub is_overrun: bool,
    /// Messages that cannot be read.
    pub malformed: u64,
}

/// Reads which packets the kernel drops, in all network namespaces. The drop monitor is stopped in the end,
/// if this process has started it, and is configured again as it was.
pub struct DropMonitor {
    control: Control,
    alerts: Socket,
    inbox: Inbox,
    configuration: AlertConfiguration,
    start: Start,
}

impl DropMonitor {
    /// Starts the drop monitor in packet mode, with heads of so many bytes and a queue of so many packets a
    /// processor; or reads along, if another process has started it so.
    ///
    /// Errors: [`Error`].
    pub fn start(head: u32, queue: u32) -> Result<Self, Error> {
        let (mut control, alerts) = open()?;
        let inbox = Inbox::new(AHEAD, ROOM).map_err(Error::of("making a receive buffer"))?;
        let configuration = AlertConfiguration { mode: AlertMode::Packet, head, queue };
        let start = begin(&mut control, configuration)?;
        Ok(Self { control, alerts, inbox, configuration, start })
    }

    /// Whether another process has started it, and will stop it.
    #[must_use]
    pub fn is_anothers(&self) -> bool {
        matches!(self.start, Start::Anothers)
    }

    /// If another process had started it and has stopped it since, starts it here. Whether it was.
    ///
    /// Errors: [`Error`].
    pub fn take_over(&mut self) -> Result<bool, Error> {
        if self.is_anothers() {
            self.start = begin(&mut self.control, self.configuration)?;
            return Ok(!self.is_anothers());
        }
        Ok(false)
    }

    /// Reads what has come, at most 32 alerts, and does not wait.
    ///
    /// Errors: [`Error::Failed`].
    pub fn receive(&mut self) -> Result<ReceivedAlerts, Error> {
        let mut received = ReceivedAlerts::default();
        match self.inbox.receive(&self.alerts, Wait::No) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(received),
            Err(Errno::NOBUFS) => {
                received.is_overrun = true;
                return Ok(received);
            }
            Err(errno) => return Err(Error::of("receiving")(errno)),
        }
        for place in 0..self.inbox.count() {
            match Alert::read(self.inbox.datagram(place)) {
                Ok(alert) => received.alerts.extend(alert),
                Err(_) => received.malformed += 1,
            }
        }
        self.inbox.wipe();
        Ok(received)
    }

    /// How many packets the kernel has dropped without an alert since its module was loaded, because its
    /// queue was full.
    ///
    /// Errors: [`Error`].
    pub fn lost(&mut self) -> Result<u64, Error> {
        self.control.lost()
    }

    /// Stops the drop monitor and restores its configuration, if this process has started it.
    ///
    /// Errors: [`Error::Failed`].
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let Start::Ours { before, claim } = std::mem::replace(&mut self.start, Start::Anothers)
        else {
            return Ok(());
        };
        restore(&mut self.control, before)?;
        if let Some(mut claim) = claim {
            // A record that stays has the same restored once more.
            let _ = claim.clear();
        }
        Ok(())
    }
}

impl Drop for DropMonitor {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            debug!(%error, "not stopped");
        }
    }
}

impl AsFd for DropMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.alerts.as_fd()
    }
}

/// Opens the sockets here, or else in the network namespace of the first process.
fn open() -> Result<(Control, Socket), Error> {
    match Control::open() {
        Err(Error::NoModule) => {}
        control => return with_alerts(control?),
    }
    let there = sys::netns::within_that_of_the_first_process(|| with_alerts(Control::open()?));
    match there {
        Ok(opened) => opened,
        // This is the namespace of the first process.
        Err(Errno::ALREADY) => Err(Error::NoModule),
        Err(errno) => Err(Error::Namespace(errno)),
    }
}

fn with_alerts(control: Control) -> Result<(Control, Socket), Error> {
    let alerts = connect()?;
    let failed = |doing| move |error: std::io::Error| Error::of(doing)(errno(&error));
    if set_socket_recv_buffer_size_force(&alerts, RECEIVE_BUFFER).is_err() {
        // Only the host's root may exceed net.core.rmem_max.
        set_socket_recv_buffer_size(&alerts, RECEIVE_BUFFER)
            .map_err(Error::of("sizing the receive buffer"))?;
    }
    alerts.add_membership(control.group).map_err(failed("joining the group of alerts"))?;
    Ok((control, alerts))
}

/// Starts the drop monitor, if no other process has.
fn begin(control: &mut Control, wanted: AlertConfiguration) -> Result<Start, Error> {
    // Without /run there is no record.
    let mut claim = match Claim::take() {
        Ok(None) => return Ok(Start::Anothers),
        Ok(claim) => claim,
        Err(error) => {
            debug!(%error, "no record");
            None
        }
    };
    if let Some(before) = claim.as_mut().and_then(Claim::left_over) {
        restore(control, before)?;
    }
    let before = control.configuration()?;
    if let Some(claim) = &mut claim {
        let _ = claim.record(before);
    }
    let started = configure_and_start(control, before, wanted);
    match (started, claim) {
        (Ok(true), claim) => Ok(Start::Ours { before, claim }),
        (started, claim) => {
            if let Some(mut claim) = claim {
                let _ = claim.clear();
            }
            started.map(|_| Start::Anothers)
        }
    }
}

/// Whether it was started here: not if it runs in packet mode already.
fn configure_and_start(
    control: &mut Control,
    before: AlertConfiguration,
    wanted: AlertConfiguration,
) -> Result<bool, Error> {
    let is_configured = match control.configure(wanted) {
        Ok(()) => true,
        Err(Errno::BUSY) if before.mode == AlertMode::Summary => return Err(Error::Busy),
        // It may report the drops of devices alone.
        Err(Errno::BUSY) => false,
        Err(errno) => return Err(Error::of("configuring it")(errno)),
    };
    match control.start() {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN) => Ok(false),
        Err(errno) => {
            if is_configured {
                // It is not started, and nothing more can be done.
                let _ = control.configure(before);
            }
            Err(Error::of("starting it")(errno))
        }
    }
}

/// Stops it and configures it as before. EBUSY: it reports the drops of devices, for another process.
fn restore(control: &mut Control, before: AlertConfiguration) -> Result<(), Error> {
    control.stop().map_err(Error::of("stopping it"))?;
    match control.configure(before) {
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(errno) => Err(Error::of("configuring it")(errno)),
    }
}
