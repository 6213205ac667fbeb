use model::{AddressPair, Migration, PathChange, ReqId};

use super::{extensions::Extensions, sad, spd};
use crate::{
    Error,
    ext::{IpsecRequest, KmAddress},
    spd::read_selector,
};

/// The most requests in one policy (`XFRM_MAX_DEPTH`).
const MOST_CHANGES: usize = 6;

/// The policy and SAs of an X_MIGRATE (`pfkey_migrate`): its requests come in pairs, the old one
/// and the new one, each with addresses whatever its mode.
pub(super) fn migrate(extensions: &Extensions<'_>) -> Result<Migration, Error> {
    extensions.addresses()?;
    let (said, mut rest) = extensions.policy()?;
    let direction = spd::direction(said.dir)?;
    let key_management = extensions.km_address.map(key_management_of).transpose()?;
    let mut changes = Vec::new();
    while !rest.is_empty() && changes.len() < MOST_CHANGES {
        let (after, old) = request(rest)?;
        let (after, new) = request(after)?;
        changes.push(changed(&old, &new)?);
        rest = after;
    }
    if changes.is_empty() || !rest.is_empty() {
        return Err(Error::Malformed(18));
    }
    let selector = read_selector(&extensions.message)?;
    Ok(Migration { selector, direction, changes, key_management })
}

fn request(bytes: &[u8]) -> Result<(&[u8], IpsecRequest), Error> {
    IpsecRequest::parse(bytes).map_err(|_| Error::Malformed(18))
}

fn key_management_of(body: &[u8]) -> Result<AddressPair, Error> {
    let (_, said) = KmAddress::parse(body).map_err(|_| Error::Malformed(25))?;
    Ok(AddressPair::new(said.local.ip(), said.remote.ip())?)
}

/// `ipsecrequests_to_migrate`.
fn changed(old: &IpsecRequest, new: &IpsecRequest) -> Result<PathChange, Error> {
    if (old.proto, old.mode, old.reqid) != (new.proto, new.mode, new.reqid) {
        return Err(Error::Malformed(18));
    }
    let ends = |said: &IpsecRequest| {
        let (src, dst) = said.ends.ok_or(Error::Missing("address of a request"))?;
        Ok::<_, Error>(AddressPair::new(src.ip(), dst.ip())?)
    };
    Ok(PathChange {
        proto: spd::proto(old)
            .ok_or(Error::UnknownNumber { field: "request protocol", number: old.proto.into() })?,
        mode: sad::mode(old.mode)?,
        reqid: ReqId(old.reqid),
        old: ends(old)?,
        new: ends(new)?,
    })
}
