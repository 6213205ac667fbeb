//! `pfkey_send_add*` and `pfkey_send_update*`.

use std::{
    ffi::{c_char, c_int, c_uint},
    ptr,
};

use libc::sockaddr;
use pfkey::{
    MessageType,
    ext::{Lifetime, SecCtx},
};

use super::{call, memory, send::transmit};
use crate::{
    error::{Code, Error},
    request::{self, KeyedNumber, SaRequest},
};

/// `struct pfkey_send_sa_args` (libpfkey.h).
#[repr(C)]
pub struct SaArguments {
    so: c_int,
    msg_type: c_uint,
    satype: c_uint,
    mode: c_uint,
    src: *const sockaddr,
    dst: *const sockaddr,
    /// Network order.
    spi: u32,
    reqid: u32,
    wsize: c_uint,
    /// The key of the cipher, then that of the authentication.
    keymat: *const c_char,
    e_type: c_uint,
    e_keylen: c_uint,
    a_type: c_uint,
    a_keylen: c_uint,
    flags: c_uint,
    l_alloc: u32,
    l_bytes: u32,
    l_addtime: u32,
    l_usetime: u32,
    seq: u32,
    l_natt_type: u8,
    l_natt_sport: u16,
    l_natt_dport: u16,
    l_natt_oa: *const sockaddr,
    /// Linux has no such extension.
    _l_natt_frag: u16,
    ctxdoi: u8,
    ctxalg: u8,
    ctxstr: *const c_char,
    ctxstrlen: u16,
}

impl SaArguments {
    fn limits(&self) -> Lifetime {
        Lifetime {
            allocations: self.l_alloc,
            bytes: self.l_bytes.into(),
            add_time: self.l_addtime.into(),
            use_time: self.l_usetime.into(),
        }
    }

    /// # Safety
    ///
    /// The pointers lead to what their names and lengths say, or are null.
    unsafe fn send(&self, msg_type: MessageType, limits: Lifetime) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        let ends = unsafe { memory::ends(self.src, self.dst) }?;
        // SAFETY: the caller's promise.
        let (encrypt, auth) = unsafe { self.keys() }?;
        // SAFETY: the caller's promise.
        let (nat_original, sec_ctx) = unsafe { (self.nat_original()?, self.sec_ctx()?) };
        let request = SaRequest {
            satype: self.satype,
            mode: self.mode,
            ends,
            spi: u32::from_be(self.spi),
            reqid: self.reqid,
            window: self.wsize,
            encrypt: KeyedNumber { number: self.e_type, key: encrypt },
            auth: KeyedNumber { number: self.a_type, key: auth },
            flags: self.flags,
            limits,
            seq: self.seq,
            nat: request::nat(self.l_natt_type, self.l_natt_sport, self.l_natt_dport),
            nat_original,
            sec_ctx,
        };
        transmit(self.so, request::sa(msg_type, request)?, &[])
    }

    /// The keys of cipher and authentication.
    ///
    /// # Safety
    ///
    /// `keymat` leads to both keys; without any it may be null.
    unsafe fn keys(&self) -> Result<(&[u8], &[u8]), Code> {
        let (encrypt, auth) = (length(self.e_keylen)?, length(self.a_keylen)?);
        let all = encrypt.checked_add(auth).ok_or(Code::InvalidKeyLength)?;
        if all == 0 {
            return Ok((&[], &[]));
        }
        // SAFETY: the caller's promise.
        let keys = unsafe { memory::bytes(self.keymat.cast(), all) }?;
        Ok(keys.split_at(encrypt))
    }

    /// # Safety
    ///
    /// `l_natt_oa` is null or leads to a `sockaddr`.
    unsafe fn nat_original(&self) -> Result<Option<std::net::SocketAddr>, Code> {
        if self.l_natt_oa.is_null() || self.l_natt_type == 0 {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        unsafe { memory::address(self.l_natt_oa) }.map(Some)
    }

    /// # Safety
    ///
    /// `ctxstr` is null or leads to `ctxstrlen` bytes.
    unsafe fn sec_ctx(&self) -> Result<Option<SecCtx>, Code> {
        if self.ctxstr.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        let context = unsafe { memory::bytes(self.ctxstr.cast(), self.ctxstrlen.into()) }?;
        Ok(Some(SecCtx { alg: self.ctxalg, doi: self.ctxdoi, context: context.to_vec() }))
    }
}

fn length(bytes: c_uint) -> Result<usize, Code> {
    usize::try_from(bytes).map_err(|_| Code::InvalidKeyLength)
}

/// Adds an SA.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_add2(arguments: *mut SaArguments) -> c_int {
    // SAFETY: the prototype promises it.
    unsafe { send(arguments, MessageType::ADD) }
}

/// Completes an SA that GETSPI has begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_update2(arguments: *mut SaArguments) -> c_int {
    // SAFETY: the prototype promises it.
    unsafe { send(arguments, MessageType::UPDATE) }
}

/// # Safety
///
/// `arguments` is null or leads to arguments that lead where they say.
unsafe fn send(arguments: *mut SaArguments, msg_type: MessageType) -> c_int {
    call(-1, || {
        // SAFETY: the caller's promise.
        let arguments = unsafe { arguments.as_mut() }.ok_or(Code::InvalidArgument)?;
        arguments.msg_type = msg_type.0.into();
        // SAFETY: the caller's promise.
        unsafe { arguments.send(msg_type, arguments.limits()) }
    })
}

/// The functions of before `pfkey_send_sa_args`, which ipsec-tools keeps for old programs: the
/// limits have 64 bits here.
macro_rules! send_sa {
    ($($(#[$doc:meta])* $name:ident $msg_type:ident
        ($($kind:ident $src_port:ident $dst_port:ident $original:ident $fragment:ident)?);)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            so: c_int,
            satype: c_uint,
            mode: c_uint,
            src: *const sockaddr,
            dst: *const sockaddr,
            spi: u32,
            reqid: u32,
            wsize: c_uint,
            keymat: *const c_char,
            e_type: c_uint,
            e_keylen: c_uint,
            a_type: c_uint,
            a_keylen: c_uint,
            flags: c_uint,
            l_alloc: u32,
            l_bytes: u64,
            l_addtime: u64,
            l_usetime: u64,
            seq: u32,
            $($kind: u8,
            $src_port: u16,
            $dst_port: u16,
            $original: *const sockaddr,
            $fragment: u16,)?
        ) -> c_int {
            let limits = Lifetime {
                allocations: l_alloc,
                bytes: l_bytes,
                add_time: l_addtime,
                use_time: l_usetime,
            };
            let arguments = SaArguments {
                so, satype, mode, src, dst, spi, reqid, wsize, keymat, e_type, e_keylen, a_type,
                a_keylen, flags, seq,
                $(l_natt_type: $kind,
                l_natt_sport: $src_port,
                l_natt_dport: $dst_port,
                l_natt_oa: $original,
                _l_natt_frag: $fragment,)?
                ..SaArguments::EMPTY
            };
            // SAFETY: the prototype promises it.
            call(-1, || unsafe { arguments.send(MessageType::$msg_type, limits) })
        }
    )*};
}

impl SaArguments {
    const EMPTY: Self = Self {
        so: -1,
        msg_type: 0,
        satype: 0,
        mode: 0,
        src: ptr::null(),
        dst: ptr::null(),
        spi: 0,
        reqid: 0,
        wsize: 0,
        keymat: ptr::null(),
        e_type: 0,
        e_keylen: 0,
        a_type: 0,
        a_keylen: 0,
        flags: 0,
        l_alloc: 0,
        l_bytes: 0,
        l_addtime: 0,
        l_usetime: 0,
        seq: 0,
        l_natt_type: 0,
        l_natt_sport: 0,
        l_natt_dport: 0,
        l_natt_oa: ptr::null(),
        _l_natt_frag: 0,
        ctxdoi: 0,
        ctxalg: 0,
        ctxstr: ptr::null(),
        ctxstrlen: 0,
    };
}

send_sa! {
    /// Adds an SA.
    pfkey_send_add ADD ();
    /// Completes an SA that GETSPI has begun.
    pfkey_send_update UPDATE ();
    /// Adds an SA with NAT traversal.
    pfkey_send_add_nat ADD (kind src_port dst_port original fragment);
    /// Completes an SA that GETSPI has begun, with NAT traversal.
    pfkey_send_update_nat UPDATE (kind src_port dst_port original fragment);
}
