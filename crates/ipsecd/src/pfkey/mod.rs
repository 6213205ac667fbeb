//! The PF_KEY service: AF_KEY in user space, over XFRM netlink, for programs on kernels that have
//! no PF_KEY socket.
//!
//! A program connects to a Unix socket of type `SOCK_SEQPACKET`, `/run/xfrm-tools/NETNS/pfkey.sock`
//! with the inode of its network namespace, and speaks PF_KEYv2 on it, one message a datagram. It
//! gets the answers, and hears of everybody's changes, as from AF_KEY (net/key/af_key.c).
//!
//! A request goes through [`pfkey::command`], which refuses with AF_KEY's errno, and through the
//! engine to the kernel. What the kernel's own notification then says of the change is what all
//! sockets hear, the asking one too: it is queued before the kernel acknowledges the request, so an
//! answer is never late and never guessed. Changes of other programs, such as ip(8) and IKE
//! daemons, arrive the same way.
//!
//! One thread serves all, in order: [`Server::run`].

mod broadcast;
mod change;
mod client;
mod dump;
mod dying;
mod event;
mod failed;
mod handed_over;
mod icvs;
mod peer;
mod report;
mod request;
mod requests;
mod server;
mod settings;

pub use icvs::Icvs;
pub use server::Server;
pub use settings::Settings;
