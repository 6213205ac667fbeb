use model::AddressPair;

use crate::{
    Error, Extension, Message,
    ext::{Address, AddressKind, IpsecRequests, Policy},
    message,
    wire::{UNIT, ext_type},
};

/// The shortest length of an extension in bytes, by its type (`sadb_ext_min_len`).
const MIN_LENGTHS: [usize; ext_type::MAX as usize + 1] =
    [0, 16, 32, 32, 32, 8, 8, 8, 8, 8, 16, 16, 16, 8, 8, 8, 16, 8, 16, 16, 8, 8, 8, 8, 8, 8, 40];

/// The most bytes of a security context (`PAGE_SIZE`).
const LONGEST_CONTEXT: usize = 4096;

/// The extensions of a request as `parse_exthdrs` collects them (net/key/af_key.c). Their contents
/// are checked when they are needed.
pub(super) struct Extensions<'a> {
    /// The header, with the extensions that a check of their lengths makes safe to read.
    pub(super) message: Message,
    /// The body of the policy.
    policy: Option<&'a [u8]>,
    /// The body of the key management's addresses.
    pub(super) km_address: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    /// Reads the bytes after a header. An extension of an unknown type is passed over.
    pub(super) fn collect(header: &Message, mut rest: &'a [u8]) -> Result<Self, Error> {
        let mut all = Self { message: header.clone(), policy: None, km_address: None };
        let mut seen = 0_u32;
        while !rest.is_empty() {
            let (ext_type, body, after) = message::split_extension(rest)?;
            rest = after;
            let Some(&min_length) = MIN_LENGTHS.get(usize::from(ext_type)) else { continue };
            if body.len() + 4 < min_length {
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
            ext_type::POLICY => self.policy = Some(body),
            ext_type::KMADDRESS => self.km_address = Some(body),
            // AF_KEY does not read these: identities, sensitivity, proposal, supported algorithms,
            // private data.
            ext_type::IDENTITY_SRC..=ext_type::SUPPORTED_ENCRYPT | ext_type::KMPRIVATE => {}
            _ => {
                let extension = Extension::decode(ext_type, body)?;
                if let Extension::SecCtx(sec_ctx) = &extension {
                    let length = sec_ctx.context.len();
                    let exact = (UNIT + length).next_multiple_of(UNIT) == body.len() + 4;
                    if length > LONGEST_CONTEXT || !exact {
                        return Err(Error::Malformed(ext_type::SEC_CTX));
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

    /// The policy without its requests, and those.
    pub(super) fn policy(&self) -> Result<(Policy, IpsecRequests<'a>), Error> {
        let body = self.policy.ok_or(Error::Missing("policy"))?;
        Policy::split(body)
    }
}
