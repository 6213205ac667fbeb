//! The functions of `libipsec/libpfkey.h` that follow pointers, with memory that ends where its last
//! byte is: a read past it is SIGSEGV. Also for the fuzz target.

use std::{
    ffi::{c_int, c_uint, c_void},
    io, ptr,
    sync::Once,
};

use libc::{AF_INET, AF_INET6, AF_UNIX, FILE, SOCK_SEQPACKET, size_t};
// Its functions are linked by their names.
use libipsec as _;

/// `SADB_EXT_MAX + 1`.
const TABLE: usize = 27;
/// `sizeof(struct sadb_msg)`.
const HEADER: usize = 16;
/// Bytes in which lengths are counted.
const UNIT: usize = 8;

/// `struct pfkey_send_sa_args` (libpfkey.h).
#[repr(C)]
struct SaArguments {
    numbers: [c_uint; 4],
    src: *const c_void,
    dst: *const c_void,
    names: [u32; 3],
    keymat: *const c_void,
    algorithms: [c_uint; 4],
    flags: c_uint,
    limits: [u32; 4],
    seq: u32,
    nat_type: u8,
    nat_ports: [u16; 2],
    nat_original: *const c_void,
    nat_fragment: u16,
    ctx_doi: u8,
    ctx_alg: u8,
    ctx: *const c_void,
    ctx_length: u16,
}

unsafe extern "C" {
    static mut stdout: *mut FILE;

    fn pfkey_align(message: *mut c_void, table: *mut *mut c_void) -> c_int;
    fn pfkey_check(table: *const *mut c_void) -> c_int;
    fn pfkey_set_supported(message: *const c_void, length: c_int) -> c_int;
    fn kdebug_sadb(message: *const c_void);
    fn pfkey_sadump_withports(message: *const c_void);
    fn pfkey_spdump_withports(message: *const c_void);
    fn ipsec_hexdump(buffer: *const c_void, length: c_int);
    fn ipsec_bindump(buffer: *const c_void, length: c_int);
    fn ipsec_get_keylen(supported: c_uint, number: c_uint, algorithm: *mut c_void) -> c_int;
    fn ipsec_set_policy(text: *const c_void, length: c_int) -> *mut c_void;
    fn ipsec_get_policylen(policy: *const c_void) -> c_int;
    fn ipsec_dump_policy_withports(policy: *const c_void, delimiter: *const c_void) -> *mut c_void;
    fn pfkey_recv(so: c_int) -> *mut c_void;
    fn pfkey_recv_register(so: c_int) -> c_int;
    fn pfkey_send(so: c_int, message: *const c_void, length: c_int) -> c_int;
    fn pfkey_send_delete(
        so: c_int,
        satype: c_uint,
        mode: c_uint,
        src: *const c_void,
        dst: *const c_void,
        spi: u32,
    ) -> c_int;
    fn pfkey_send_spdadd(
        so: c_int,
        src: *const c_void,
        src_length: c_uint,
        dst: *const c_void,
        dst_length: c_uint,
        proto: c_uint,
        policy: *const c_void,
        policy_length: c_int,
        seq: u32,
    ) -> c_int;
    fn pfkey_send_migrate(
        so: c_int,
        local: *const c_void,
        remote: *const c_void,
        src: *const c_void,
        src_length: c_uint,
        dst: *const c_void,
        dst_length: c_uint,
        proto: c_uint,
        policy: *const c_void,
        policy_length: c_int,
        seq: u32,
    ) -> c_int;
    fn pfkey_send_add2(arguments: *mut SaArguments) -> c_int;
}

/// Memory that can be read up to its last byte.
struct Guarded {
    start: *mut c_void,
    length: usize,
}

impl Guarded {
    const PAGE: usize = 4096;

    fn new(pages: usize) -> Self {
        let length = pages * Self::PAGE;
        let (access, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: mmap(2) chooses a place that is free.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), length + Self::PAGE, access, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        // SAFETY: the page after `length` bytes is part of the mapping.
        let guard = unsafe { libc::mprotect(start.byte_add(length), Self::PAGE, libc::PROT_NONE) };
        assert_eq!(guard, 0, "{}", io::Error::last_os_error());
        Self { start, length }
    }

    /// A copy of these bytes at the end.
    fn place(&mut self, bytes: &[u8]) -> *mut c_void {
        // SAFETY: the bytes are at the end of the mapping, which nothing refers to during the copy.
        unsafe {
            let place = self.start.byte_add(self.length - bytes.len());
            ptr::copy_nonoverlapping(bytes.as_ptr(), place.cast(), bytes.len());
            place
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: it is this mapping.
        unsafe { libc::munmap(self.start, self.length + Self::PAGE) };
    }
}

/// The places where arguments are.
pub struct Library([Guarded; 4]);

impl Library {
    /// The most bytes that can be placed.
    pub const MOST: usize = 15 * Guarded::PAGE;

    /// What the library prints on standard output is discarded.
    pub fn new() -> Self {
        static ONCE: Once = Once::new();
        // SAFETY: `stdout` of the C library is a variable, which no other thread reads before.
        ONCE.call_once(|| unsafe { stdout = libc::fopen(c"/dev/null".as_ptr(), c"w".as_ptr()) });
        Self([16, 1, 1, 1].map(Guarded::new))
    }

    /// Calls the functions with these bytes as each thing that a pointer may lead to.
    pub fn call(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(Self::MOST)];
        self.message(bytes);
        self.supported(bytes);
        self.policy(bytes);
        self.text(bytes);
        self.addresses(bytes);
        received(bytes);
    }

    fn message(&mut self, bytes: &[u8]) {
        let mut message = bytes[..bytes.len() / UNIT * UNIT].to_vec();
        if message.len() < HEADER {
            return;
        }
        let units = u16::try_from(message.len() / UNIT).expect("a short one");
        message[4..6].copy_from_slice(&units.to_ne_bytes());
        let place = self.0[0].place(&message);
        let mut table = [ptr::null_mut(); TABLE];
        // SAFETY: the message has the length of its header, and the table has its length.
        unsafe {
            if pfkey_align(place, table.as_mut_ptr()) == 0 {
                pfkey_check(table.as_ptr());
            }
            kdebug_sadb(place);
            pfkey_sadump_withports(place);
            pfkey_spdump_withports(place);
        }
    }

    /// `sadb_msg_len` counts bytes here.
    fn supported(&mut self, bytes: &[u8]) {
        let mut message = bytes.to_vec();
        let length = c_int::try_from(message.len()).expect("a short one");
        if let Some(field) = message.get_mut(4..6) {
            field.copy_from_slice(&length.to_ne_bytes()[..2]);
        }
        let place = self.0[0].place(&message);
        let algorithm = self.0[1].place(&[0; 8]);
        // SAFETY: the message has this length, the algorithm that of its type.
        unsafe {
            pfkey_set_supported(place, length);
            ipsec_get_keylen(15, 12, algorithm);
            ipsec_hexdump(place, length);
            ipsec_bindump(place, length);
            pfkey_send(-1, place, length);
        }
    }

    fn policy(&mut self, bytes: &[u8]) {
        let mut policy = bytes[..bytes.len() / UNIT * UNIT].to_vec();
        if policy.is_empty() {
            return;
        }
        let units = u16::try_from(policy.len() / UNIT).expect("a short one");
        policy[..2].copy_from_slice(&units.to_ne_bytes());
        // SADB_X_EXT_POLICY.
        policy[2..4].copy_from_slice(&18_u16.to_ne_bytes());
        let place = self.0[0].place(&policy);
        let delimiter = self.0[1].place(b"\n\0");
        // SAFETY: the policy has the length in its first field, and the delimiter ends with a NUL.
        unsafe {
            ipsec_get_policylen(place);
            libc::free(ipsec_dump_policy_withports(place, delimiter));
        }
    }

    /// A policy's text, and the policy that it is.
    fn text(&mut self, bytes: &[u8]) {
        let place = self.0[0].place(&[bytes, b"\0"].concat());
        // SAFETY: the text ends with a NUL. The policy is the library's.
        unsafe {
            let policy = ipsec_set_policy(place, 0);
            if !policy.is_null() {
                let text = ipsec_dump_policy_withports(policy, ptr::null());
                libc::free(text);
            }
            libc::free(policy);
        }
    }

    /// What `pfkey_send_*` read. Nothing is sent, there is no socket.
    fn addresses(&mut self, bytes: &[u8]) {
        let [places @ .., keys] = &mut self.0;
        let is_v6 = bytes.first().is_some_and(|byte| byte % 2 == 1);
        let (family, length) = if is_v6 { (AF_INET6, 28) } else { (AF_INET, 16) };
        let mut address = bytes.to_vec();
        address.resize(length, 0);
        let family = u16::try_from(family).expect("a small number");
        address[..2].copy_from_slice(&family.to_ne_bytes());
        let number = |at| bytes.get(at).copied().unwrap_or_default();
        let policy_length = c_int::try_from(bytes.len()).expect("a short one");
        let [policy, src, dst] = places;
        let (policy, src) = (policy.place(bytes), src.place(&address));
        let dst = dst.place(&address);
        let secret = &bytes[..bytes.len().min(64)];
        let key = keys.place(secret);
        let key_length = c_uint::try_from(secret.len()).expect("a short one");
        let encrypt = c_uint::from(number(1)) % (key_length + 1);
        let mut arguments = SaArguments {
            numbers: [c_uint::MAX, 0, number(2).into(), (number(3) % 4).into()],
            src,
            dst,
            names: [1, 2, 3],
            keymat: key,
            algorithms: [number(4).into(), encrypt, number(5).into(), key_length - encrypt],
            flags: 0,
            limits: [0; 4],
            seq: 0,
            nat_type: number(6),
            nat_ports: [4500; 2],
            nat_original: dst,
            nat_fragment: 0,
            ctx_doi: 1,
            ctx_alg: 1,
            ctx: key,
            ctx_length: u16::try_from(key_length).expect("a short one"),
        };
        // SAFETY: each pointer leads to what is placed there, with its length beside it.
        unsafe {
            pfkey_send_delete(-1, number(2).into(), 0, src, dst, 1);
            pfkey_send_add2(&raw mut arguments);
            pfkey_send_spdadd(-1, src, 8, dst, 8, 255, policy, policy_length, 0);
            pfkey_send_migrate(-1, src, dst, src, 8, dst, 8, 255, policy, policy_length, 0);
        }
    }
}

/// These bytes as the last message of a service.
fn received(bytes: &[u8]) {
    for register in [false, true] {
        let mut ends = [-1; 2];
        // SAFETY: there is room for two descriptors, which are closed below; the message is freed.
        unsafe {
            let made = libc::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.as_mut_ptr());
            assert_eq!(made, 0, "{}", io::Error::last_os_error());
            libc::send(ends[0], bytes.as_ptr().cast(), bytes.len() as size_t, 0);
            libc::close(ends[0]);
            if register {
                pfkey_recv_register(ends[1]);
            } else {
                libc::free(pfkey_recv(ends[1]));
            }
            libc::close(ends[1]);
        }
    }
}
