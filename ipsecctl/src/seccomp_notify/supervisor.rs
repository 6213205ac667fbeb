//! The process that answers the calls of the program.
//!
//! One thread receives the calls from the kernel, and passes each to another that is idle: a response
//! may take a while. At the limit of threads, calls wait in the kernel.

use std::{
    io::IoSliceMut,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicIsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use rustix::{
    cmsg_space,
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
    stdio::stdin,
};
use sys::{
    rights,
    seccomp::{Notification, NotificationListener},
};

use super::{
    call::Call,
    response::{NewDescriptor, Response},
};

/// The most calls that are answered at the same time.
const MOST_AT_ONCE: usize = 16;

/// What all threads have.
struct Supervisor<F> {
    listener: NotificationListener,
    answer: F,
    calls: Mutex<Receiver<Notification>>,
    /// Threads that have nothing to do, without those to which a call is on its way. Negative: a call
    /// waits for one.
    idle: AtomicIsize,
    /// Held while a number is chosen and taken: two calls of a process may want one.
    placing: Mutex<()>,
}

/// Hands the listener to the supervisor at the other end of `channel`.
pub fn send(channel: &OwnedFd, listener: &NotificationListener) -> Result<(), Errno> {
    rights::send(channel, &[0], Some(listener.as_fd()))?;
    Ok(())
}

/// Answers until the last process under the filter has gone.
/// The channel is standard input.
pub fn run<F>(answer: F) -> Result<(), Errno>
where
    F: Fn(&Call<'_>) -> Response + Send + Sync + 'static,
{
    // Messages with keys pass through it.
    sys::process::keep_memory_private();
    let Some(listener) = receive()? else { return Ok(()) };
    let (sender, calls) = sync_channel(0);
    let (idle, placing) = (AtomicIsize::new(0), Mutex::default());
    let supervisor = Supervisor { listener, answer, calls: Mutex::new(calls), idle, placing };
    Arc::new(supervisor).take_calls(&sender)
}

impl<F: Fn(&Call<'_>) -> Response + Send + Sync + 'static> Supervisor<F> {
    fn take_calls(self: Arc<Self>, sender: &SyncSender<Notification>) -> Result<(), Errno> {
        let mut threads = 0;
        while self.listener.wait()? {
            let Some(call) = self.listener.receive()? else { continue };
            if self.idle.load(Ordering::Acquire) <= 0 && threads < MOST_AT_ONCE {
                let another = Arc::clone(&self);
                let started = thread::Builder::new().spawn(move || another.answer_calls());
                threads += usize::from(started.is_ok());
                self.idle.fetch_add(isize::from(started.is_ok()), Ordering::AcqRel);
            }
            self.idle.fetch_sub(1, Ordering::AcqRel);
            if threads == 0 || sender.send(call).is_err() {
                return Err(Errno::NOMEM);
            }
        }
        Ok(())
    }

    /// What one thread does. If it panics, there is no supervisor any more, and calls fail.
    fn answer_calls(&self) {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let call = self.calls.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(call) = call else { break };
                let call = Call::new(&self.listener, call);
                self.respond(&call, (self.answer)(&call));
                self.idle.fetch_add(1, Ordering::AcqRel);
            }
        }));
        sys::process::exit();
    }

    fn respond(&self, call: &Call<'_>, answer: Response) {
        // What was read of the thread was the caller's if it has been waiting all the time.
        if call.still_waits().is_err() {
            return;
        }
        let notification = call.notification();
        // An error here means that the caller was killed in the meantime.
        let _ = match answer {
            Response::Continue => self.listener.resume(notification),
            Response::Errno(errno) => self.listener.return_errno(notification, errno),
            Response::Value(value) => self.listener.return_value(notification, value),
            Response::Descriptor(copy) => self
                .return_descriptor(call, &copy)
                .or_else(|errno| self.listener.return_errno(notification, errno)),
        };
    }

    fn return_descriptor(&self, call: &Call<'_>, copy: &NewDescriptor) -> Result<(), Errno> {
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let number = copy.numbers.and_then(|numbers| numbers.free(&call.thread().ok()?));
        let give = |number| {
            self.listener.return_descriptor(
                call.notification(),
                copy.file.as_fd(),
                number,
                copy.closes_on_exec,
            )
        };
        match give(number) {
            // The limit is lower than it was at the start, or another thread is taking the number.
            Err(Errno::BADF | Errno::MFILE | Errno::BUSY) if number.is_some() => give(None),
            result => result,
        }
    }
}

/// The listener, unless the filter was not installed.
fn receive() -> Result<Option<NotificationListener>, Errno> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(stdin(), &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptor.map(NotificationListener::from))
}
