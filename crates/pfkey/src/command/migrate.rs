use model::{AddressPair, Migration, PathChange, ReqId};

use super::{extensions::Extensions, sad, spd};
use crate::{
    Error,
    entry::{spd::read_selector, templates},
    ext::{IpsecRequest, KmAddress},
    wire::ext_type,
};

/// The policy and SAs of an X_MIGRATE (`pfkey_migrate`): its requests come in pairs, the old one
/// and the new one, each with addresses whatever its mode.
pub(super) fn migrate(extensions: &Extensions<'_>) -> Result<Migration, Error> {
    const MALFORMED: Error = Error::Malformed(ext_type::POLICY);
    extensions.addresses()?;
    let (policy, mut requests) = extensions.policy()?;
    let direction = spd::direction(policy.dir)?;
    let key_management = extensions.km_address.map(key_management_of).transpose()?;
    let mut changes = Vec::new();
    while !requests.is_empty() && changes.len() < model::MAX_DEPTH {
        let (old, _) = requests.next().ok_or(MALFORMED)??;
        let (new, _) = requests.next().ok_or(MALFORMED)??;
        changes.push(changed(&old, &new)?);
    }
    if changes.is_empty() || !requests.is_empty() {
        return Err(MALFORMED);
    }
    let selector = read_selector(&extensions.message)?;
    Ok(Migration { selector, direction, changes, key_management })
}

fn key_management_of(body: &[u8]) -> Result<AddressPair, Error> {
    let parsed = KmAddress::parse(body);
    let (_, KmAddress { local, remote, .. }) =
        parsed.map_err(|_| Error::Malformed(ext_type::KMADDRESS))?;
    Ok(AddressPair::new(local.ip(), remote.ip())?)
}

/// `ipsecrequests_to_migrate`.
fn changed(old: &IpsecRequest, new: &IpsecRequest) -> Result<PathChange, Error> {
    if (old.proto, old.mode, old.reqid) != (new.proto, new.mode, new.reqid) {
        return Err(Error::Malformed(ext_type::POLICY));
    }
    let ends = |request: &IpsecRequest| {
        let (src, dst) = request.ends.ok_or(Error::Missing("address of a request"))?;
        Ok::<_, Error>(AddressPair::new(src.ip(), dst.ip())?)
    };
    Ok(PathChange {
        proto: templates::low_proto(old).ok_or_else(|| templates::unknown_proto(old))?,
        mode: sad::mode(old.mode)?,
        reqid: ReqId::new(old.reqid),
        old: ends(old)?,
        new: ends(new)?,
    })
}
