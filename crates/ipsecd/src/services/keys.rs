//! The PF_KEY service on its thread, and what becomes of it when the daemon makes place for another.

use std::{
    io::{self, PipeReader, Read},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
};

use ipsecd::{Handover, ServiceError, Supervisor, pfkey};
use tracing::{error, info};

use super::{Running, not_executed};
use crate::privileges;

/// The PF_KEY service at work.
pub struct KeyService {
    orders: Sender<Order>,
    running: Running,
}

/// What its thread is to do with it, beside what else is handed over.
enum Order {
    /// To execute the program that is installed now: this thread has the privileges that the next
    /// daemon needs. The sender is dropped if that fails.
    Execute(Handover, Sender<()>),
    /// To give its sockets to the service manager, and to end.
    Store(Handover),
}

/// The service with all that its thread needs.
struct Keeper {
    service: pfkey::Service,
    orders: Receiver<Order>,
    program: PathBuf,
    manager: Arc<Supervisor>,
}

impl KeyService {
    pub fn start(
        settings: Arc<pfkey::Settings>,
        manager: &Arc<Supervisor>,
        handover: &mut Handover,
        program: PathBuf,
    ) -> Result<Self, ServiceError> {
        let mut service = pfkey::Service::open(handover)?;
        service.follow(settings);
        if manager.keeps_files() {
            service.keep_for_a_crash(Arc::clone(manager));
        }
        let (orders, given) = mpsc::channel();
        let manager = Arc::clone(manager);
        let mut keeper = Keeper { service, orders: given, program, manager };
        let run = move |stop| keeper.run(stop);
        let running = Running::start("PF_KEY", privileges::reduce_for_key_service, run)?;
        Ok(Self { orders, running })
    }

    /// Has the thread execute the installed program, and waits: it returns only if that fails.
    pub fn execute(&self, handover: Handover) {
        let (failed, failure) = mpsc::channel();
        if let Err(error) = self.order(Order::Execute(handover, failed)) {
            return not_executed(&error);
        }
        let _ = failure.recv();
    }

    /// Ends the service; the service manager keeps its sockets.
    pub fn store(self, handover: Handover) {
        if let Err(error) = self.order(Order::Store(handover)) {
            error!("the clients of PF_KEY are lost: {error}");
        }
    }

    fn order(&self, order: Order) -> io::Result<()> {
        self.orders.send(order).map_err(io::Error::other)?;
        self.running.wake()
    }
}

impl Keeper {
    /// Serves until it is asked to end, or this process is another program.
    fn run(&mut self, mut stop: PipeReader) -> Result<(), ServiceError> {
        loop {
            self.service.run(&stop)?;
            if stop.read(&mut [0]).map_err(ServiceError::Wait)? == 0 {
                return Ok(());
            }
            match self.orders.try_recv() {
                Ok(Order::Execute(handover, failed)) => {
                    not_executed(&self.execute(handover));
                    drop(failed);
                }
                Ok(Order::Store(handover)) => {
                    self.store(handover);
                    return Ok(());
                }
                Err(_) => {}
            }
        }
    }

    fn execute(&mut self, handover: Handover) -> io::Error {
        match self.service.hand_over(handover) {
            Ok(handover) => {
                info!(program = %self.program.display(), "executing the installed program");
                handover.execute(&self.program)
            }
            Err(error) => error,
        }
    }

    fn store(&mut self, handover: Handover) {
        let stored =
            self.service.hand_over(handover).and_then(|handover| handover.store(&self.manager));
        match stored {
            Ok(()) => {
                self.service.leave_socket();
                info!("the service manager keeps the sockets of PF_KEY");
            }
            Err(error) => error!("the clients of PF_KEY are lost: {error}"),
        }
    }
}
