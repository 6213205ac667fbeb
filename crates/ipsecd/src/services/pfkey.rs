//! The PF_KEY service on its thread, and its handover to the next daemon.

use std::{
    io::{self, PipeReader},
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
};

use tracing::{error, info};

use super::{log_execute_failed, thread::ServiceThread};
use crate::{Error, Handover, ServiceManager, file_store::Holder, pfkey::Server};

/// The PF_KEY service on its thread.
pub(super) struct PfKeyService {
    orders: Sender<Order>,
    thread: ServiceThread,
}

/// An order to the thread. It contains the part of the handover that is not of this service.
enum Order {
    /// Executes the installed program: this thread has the capabilities that the next daemon needs.
    /// The sender is dropped if that fails.
    Execute(Handover, Sender<()>),
    /// Has the service manager store the sockets, and ends.
    Store(Handover),
    /// Leaves the clients with the daemon's own process, and ends.
    Leave(Arc<Holder>),
}

/// What the thread owns.
struct Worker {
    server: Server,
    orders: Receiver<Order>,
    program: PathBuf,
    service_manager: Arc<ServiceManager>,
}

impl PfKeyService {
    /// Serves on a thread of its own.
    pub(super) fn start(
        server: Server,
        service_manager: &Arc<ServiceManager>,
        program: PathBuf,
    ) -> Result<Self, Error> {
        let (sender, orders) = mpsc::channel();
        let service_manager = Arc::clone(service_manager);
        let mut worker = Worker { server, orders, program, service_manager };
        let thread = ServiceThread::start("PF_KEY", move |wake| worker.serve(wake))?;
        Ok(Self { orders: sender, thread })
    }

    /// Executes the installed program. Returns only if that fails.
    pub(super) fn execute(&self, handover: Handover) {
        let (failed, failure) = mpsc::channel();
        if let Err(error) = self.order(Order::Execute(handover, failed)) {
            return log_execute_failed(&error);
        }
        let _ = failure.recv();
    }

    /// Ends the service; the service manager stores its sockets.
    pub(super) fn store(self, handover: Handover) {
        if let Err(error) = self.order(Order::Store(handover)) {
            log_clients_lost(&error);
        }
    }

    /// Ends the service; the process keeps the clients for a daemon that is started soon.
    pub(super) fn leave(self, holder: Arc<Holder>) {
        if let Err(error) = self.order(Order::Leave(holder)) {
            log_clients_lost(&error);
        }
    }

    /// The thread, to be watched.
    pub(super) fn thread(&self) -> &ServiceThread {
        &self.thread
    }

    fn order(&self, order: Order) -> io::Result<()> {
        self.orders.send(order).map_err(io::Error::other)?;
        self.thread.wake()
    }
}

impl Worker {
    /// Serves until the pipe can be read, and carries out an order if there is one. Returns also if
    /// this process was to execute another program, and could not.
    fn serve(&mut self, wake: &PipeReader) -> Result<ControlFlow<()>, Error> {
        self.server.run(wake)?;
        match self.orders.try_recv() {
            Ok(Order::Execute(handover, failed)) => {
                log_execute_failed(&self.execute(handover));
                drop(failed);
            }
            Ok(Order::Store(handover)) => {
                self.store(handover);
                return Ok(ControlFlow::Break(()));
            }
            Ok(Order::Leave(holder)) => {
                self.leave(&holder);
                return Ok(ControlFlow::Break(()));
            }
            // Woken to be watched, or to end.
            Err(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn execute(&mut self, handover: Handover) -> io::Error {
        match self.server.hand_over(handover) {
            Ok(handover) => {
                info!(program = %self.program.display(), "executing");
                handover.execute(&self.program)
            }
            Err(error) => error,
        }
    }

    fn store(&mut self, handover: Handover) {
        let handover = self.server.hand_over(handover);
        match handover.and_then(|handover| handover.store(&self.service_manager)) {
            Ok(()) => {
                self.server.keep_socket_files();
                info!("PF_KEY sockets stored by the service manager");
            }
            Err(error) => log_clients_lost(&error),
        }
    }

    fn leave(&mut self, holder: &Holder) {
        let left = self.server.store_clients(holder);
        match left.and_then(|count| if count > 0 { holder.leave().map(|()| count) } else { Ok(0) })
        {
            Ok(0) => holder.end(),
            Ok(clients) => info!(clients, "PF_KEY clients left for the next daemon"),
            Err(error) => {
                log_clients_lost(&error);
                holder.end();
            }
        }
    }
}

fn log_clients_lost(error: &io::Error) {
    error!(%error, "PF_KEY clients lost");
}
