//! The PF_KEY service on its thread, and its handover to the next daemon.

use std::{
    io::{self, PipeReader, Read},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
};

use tracing::{error, info};

use super::{log_execute_failed, thread::ServiceThread};
use crate::{
    Error, Handover, ServiceManager,
    pfkey::{Server, Settings},
    privileges,
};

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
}

/// What the thread owns.
struct Worker {
    server: Server,
    orders: Receiver<Order>,
    program: PathBuf,
    service_manager: Arc<ServiceManager>,
}

impl PfKeyService {
    pub(super) fn start(
        settings: Arc<Settings>,
        service_manager: &Arc<ServiceManager>,
        handover: &mut Handover,
        program: PathBuf,
    ) -> Result<Self, Error> {
        let mut server = Server::open(handover, settings)?;
        if service_manager.stores_files() {
            server.store_for_a_crash(Arc::clone(service_manager));
        }
        let (sender, orders) = mpsc::channel();
        let service_manager = Arc::clone(service_manager);
        let mut worker = Worker { server, orders, program, service_manager };
        let run = move |wake| worker.run(wake);
        let thread = ServiceThread::start("PF_KEY", privileges::reduce_for_pfkey, run)?;
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

    fn order(&self, order: Order) -> io::Result<()> {
        self.orders.send(order).map_err(io::Error::other)?;
        self.thread.wake()
    }
}

impl Worker {
    /// Serves until the pipe or an order ends it, or this process executes another program.
    fn run(&mut self, mut wake: PipeReader) -> Result<(), Error> {
        loop {
            self.server.run(&wake)?;
            if wake.read(&mut [0]).map_err(Error::Poll)? == 0 {
                return Ok(());
            }
            match self.orders.try_recv() {
                Ok(Order::Execute(handover, failed)) => {
                    log_execute_failed(&self.execute(handover));
                    drop(failed);
                }
                Ok(Order::Store(handover)) => {
                    self.store(handover);
                    return Ok(());
                }
                // The order of this byte was carried out with an earlier one.
                Err(_) => {}
            }
        }
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
}

fn log_clients_lost(error: &io::Error) {
    error!(%error, "PF_KEY clients lost");
}
