use model::AddressPair;

use crate::{
    Error, Extension, Message,
    ext::{Address, AddressKind, Policy},
    message::{self, MAX_KNOWN},
    wire::UNIT,
};

/// `SADB_X_EXT_POLICY`, `SADB_X_EXT_SEC_CTX`, `SADB_X_EXT_KMADDRESS`.
const POLICY: u16 = 18;
const SEC_CTX: u16 = 24;
const KM_ADDRESS: u16 = 25;

/// Bytes that an extension must have, by its type (`sadb_ext_min_len`).
const LEAST: [usize; MAX_KNOWN as usize + 1] =
    [0, 16, 32, 32, 32, 8, 8, 8, 8, 8, 16, 16, 16, 8, 8, 8, 16, 8, 16, 16, 8, 8, 8, 8, 8, 8, 40];

/// What no request needs, and AF_KEY does not look into: identities, sensitivity, proposal,
/// supported algorithms, private data.
const IGNORED: [std::ops::RangeInclusive<u16>; 2] = [10..=15, 17..=17];

/// The most bytes of a security context (`PAGE_SIZE`).
const LONGEST_CONTEXT: usize = 4096;

/// The extensions of a request as `parse_exthdrs` collects them (net/key/af_key.c). What stands in
/// them is looked at when it is needed.
pub(super) struct Extensions<'a> {
    /// The header, with the extensions that a check of their lengths makes safe to read.
    pub(super) message: Message,
    /// The body of the policy.
    policy: Option<&'a [u8]>,
    /// The body of the key management's addresses.
    pub(super) km_address: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    /// Reads what stands behind a header. An extension of an unknown type is passed over.
    pub(super) fn collect(header: &Message, mut rest: &'a [u8]) -> Result<Self, Error> {
        let mut all = Self { message: header.clone(), policy: None, km_address: None };
        let mut seen = 0_u32;
        while !rest.is_empty() {
            let (ext_type, body, after) = message::split_extension(rest)?;
            rest = after;
            let Some(&least) = LEAST.get(usize::from(ext_type)) else { continue };
            if body.len() + 4 < least {
                return Err(Error::Malformed(ext_type));
            }
            if seen & 1 << ext_type != 0 {
                return Err(Error::Duplicate(ext_type));
            }
            seen |= 1 << ext_type;
            all.take(ext_type, body)?;
        }
        Ok(all)
    }

    fn take(&mut self, ext_type: u16, body: &'a [u8]) -> Result<(), Error> {
        match ext_type {
            POLICY => self.policy = Some(body),
            KM_ADDRESS => self.km_address = Some(body),
            _ if IGNORED.iter().any(|types| types.contains(&ext_type)) => {}
            _ => {
                let extension = Extension::decode(ext_type, body)?;
                if let Extension::SecCtx(sec_ctx) = &extension {
                    let length = sec_ctx.context.len();
                    let exact = (UNIT + length).next_multiple_of(UNIT) == body.len() + 4;
                    if length > LONGEST_CONTEXT || !exact {
                        return Err(Error::Malformed(SEC_CTX));
                    }
                }
                self.message.extensions.push(extension);
            }
        }
        Ok(())
    }

    /// Source and destination, of one family (`present_and_same_family`).
    pub(super) fn addresses(&self) -> Result<(&Address, &Address), Error> {
        let address = |kind, what| self.message.address(kind).ok_or(Error::Missing(what));
        let src = address(AddressKind::Src, "source address")?;
        let dst = address(AddressKind::Dst, "destination address")?;
        AddressPair::new(src.sockaddr.ip(), dst.sockaddr.ip())?;
        Ok((src, dst))
    }

    /// The policy without its requests, and the bytes of those.
    pub(super) fn policy(&self) -> Result<(Policy, &'a [u8]), Error> {
        let body = self.policy.ok_or(Error::Missing("policy"))?;
        let (requests, policy) =
            Policy::parse_header(body).map_err(|_| Error::Malformed(POLICY))?;
        Ok((policy, requests))
    }
}
