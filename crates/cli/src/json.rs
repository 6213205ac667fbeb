use model::{
    Keyed, Lifetime, Lifetimes, Mark, PolicyEntry, ReqId, Request, SaEntry, SecCtx, Selector,
    Upper, Variable, variable::Values,
};
use serde_json::{Map, Value, json};

use crate::KeyText;

/// What is shown of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Their lengths.
    Hidden,
    /// Their digits too.
    Shown,
}

/// An SA as a JSON object. What is not set is left out.
#[must_use]
pub fn sa_json(entry: &SaEntry, keys: Keys) -> Value {
    let sa = &entry.sa;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            object.insert(name.into(), value);
        }
    };
    put("src", json!(sa.ends.src().to_string()));
    put("dst", json!(sa.ends.dst().to_string()));
    put("protocol", json!(sa.proto.name()));
    put("spi", json!(sa.spi.0));
    put("mode", json!(sa.mode.installed().name()));
    put("any_mode", if sa.mode.is_any() { json!(true) } else { Value::Null });
    put("reqid", nonzero(sa.reqid.0));
    put("replay_window", json!(sa.replay_window));
    put("esn", if sa.esn { json!(true) } else { Value::Null });
    put("flags", list(sa.flags.names().map(Value::from)));
    put("encryption", keyed(sa.crypt.as_ref(), keys));
    put("authentication", keyed(sa.auth.as_ref(), keys));
    put("aead", keyed(sa.aead.as_ref(), keys));
    put("compression", sa.comp.map_or(Value::Null, |algorithm| json!(algorithm.name)));
    put("lifetimes", lifetimes(&sa.lifetimes));
    let ports =
        sa.encap.map(|encap| json!({"src_port": encap.src_port, "dst_port": encap.dst_port}));
    put("nat_t", ports.unwrap_or_default());
    put("nat_keepalive", nonzero(sa.nat_keepalive));
    put("mark", mark(sa.mark));
    put("output_mark", mark(sa.output_mark));
    put("if_id", nonzero(sa.if_id));
    put("direction", sa.direction.map_or(Value::Null, |direction| json!(direction.name())));
    put("offload", sa.offload.as_ref().map_or(Value::Null, |offload| {
        json!({"device": offload.device, "direction": offload.direction.name(), "packet": offload.packet})
    }));
    put("security_context", sec_ctx(sa.sec_ctx.as_ref()));
    put("state", json!(entry.state.name()));
    put("packets", json!(entry.current.packets));
    put("bytes", json!(entry.current.bytes));
    put("added", nonzero(entry.current.add_time));
    put("first_used", nonzero(entry.current.use_time));
    Value::Object(object)
}

/// A policy as a JSON object. What is not set is left out.
#[must_use]
pub fn policy_json(entry: &PolicyEntry) -> Value {
    let policy = &entry.policy;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            object.insert(name.into(), value);
        }
    };
    put("selector", selector(&policy.id.selector));
    put("direction", json!(policy.id.direction.name()));
    put("socket", if entry.socket { json!(true) } else { Value::Null });
    put("priority", json!(policy.priority.0));
    put("action", json!(policy.action.name()));
    put("requests", list(policy.action.requests().iter().map(request)));
    put("lifetimes", lifetimes(&policy.lifetimes));
    put("mark", mark(policy.id.mark));
    put("if_id", nonzero(policy.id.if_id));
    put("security_context", sec_ctx(policy.id.sec_ctx.as_ref()));
    put("index", json!(entry.index));
    put("added", nonzero(entry.current.add_time));
    put("last_used", nonzero(entry.current.use_time));
    Value::Object(object)
}

/// A variable as a JSON object; without a value if it has none here.
#[must_use]
pub fn variable_json(variable: &Variable, value: Option<i64>) -> Value {
    json!({
        "name": variable.name,
        "value": value,
        "initial": variable.initial,
        "description": variable.description,
        "values": values(&variable.values),
    })
}

/// The values that a variable takes.
fn values(values: &Values) -> Value {
    match values {
        Values::OneOf(values) | Values::OneOfBut(values, ..) => {
            let row =
                |(value, meaning): &(i32, &str)| json!({ "value": value, "meaning": meaning });
            values.iter().map(row).collect()
        }
        Values::Range(from, to) => json!({ "from": from, "to": to }),
        Values::Only(value, _) => json!([{ "value": value }]),
    }
}

fn nonzero<N: Default + PartialEq + Into<Value>>(number: N) -> Value {
    if number == N::default() { Value::Null } else { number.into() }
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.collect();
    if values.is_empty() { Value::Null } else { values.into() }
}

fn keyed(keyed: Option<&Keyed>, keys: Keys) -> Value {
    keyed.map_or(Value::Null, |Keyed { algorithm, key, icv_bits }| {
        let mut object =
            json!({"algorithm": algorithm.name, "key_bits": key.bits(), "icv_bits": icv_bits});
        if keys == Keys::Shown {
            object["key"] = KeyText(key).to_string().into();
        }
        object
    })
}

fn mark(mark: Mark) -> Value {
    if mark.is_none() { Value::Null } else { json!({"value": mark.value, "mask": mark.mask}) }
}

fn sec_ctx(ctx: Option<&SecCtx>) -> Value {
    ctx.map_or(Value::Null, |ctx| {
        let context = String::from_utf8_lossy(ctx.label());
        json!({"doi": ctx.doi, "algorithm": ctx.alg, "context": context})
    })
}

fn lifetimes(Lifetimes { hard, soft }: &Lifetimes) -> Value {
    if hard.is_unlimited() && soft.is_unlimited() {
        return Value::Null;
    }
    json!({"hard": lifetime(hard), "soft": lifetime(soft)})
}

fn lifetime(limit: &Lifetime) -> Value {
    let rows = [
        ("packets", limit.packets),
        ("bytes", limit.bytes),
        ("seconds", limit.add_seconds),
        ("seconds_in_use", limit.use_seconds),
    ];
    let set = rows.into_iter().filter(|row| row.1 != 0);
    Value::Object(set.map(|(name, limit)| (name.into(), limit.into())).collect())
}

fn selector(selector: &Selector) -> Value {
    let end = |prefix: model::Prefix| format!("{}/{}", prefix.addr(), prefix.length());
    let mut object = json!({"src": end(selector.src()), "dst": end(selector.dst())});
    if let Upper::Number(number) = selector.upper {
        object["protocol"] = number.into();
    }
    let (src, dst) = (selector.src_port, selector.dst_port);
    if (src, dst) != (0, 0) {
        let (src_name, dst_name) = if selector.upper.has_type_and_code() {
            ("type", "code")
        } else {
            ("src_port", "dst_port")
        };
        object[src_name] = src.into();
        object[dst_name] = dst.into();
    }
    object
}

fn request(request: &Request) -> Value {
    let mut object = json!({"protocol": request.proto.name(), "mode": request.mode.mode().name()});
    if let Some(ends) = request.mode.endpoints() {
        object["src"] = ends.src().to_string().into();
        object["dst"] = ends.dst().to_string().into();
    }
    object["level"] = request.level.name().into();
    if let model::Level::Unique(Some(ReqId(id))) = request.level {
        object["reqid"] = id.into();
    }
    object
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Algorithm, AlgorithmKind, Current, Key, Proto, Sa, SaState, Spi};

    use super::*;

    #[test]
    fn no_key_reaches_the_json_unasked() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let algorithm = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let mut sa = Sa::bare(ends, Proto::Esp, Spi(4096));
        sa.crypt = Some(Keyed::new(algorithm, Key::new(vec![0xab; 16])));
        let entry = SaEntry { sa, state: SaState::Mature, current: Current::default() };
        let text = sa_json(&entry, Keys::Hidden).to_string();
        assert!(!text.contains("ab") && !text.contains("171"), "{text}");
        assert!(text.contains(r#""encryption":{"algorithm":"aes-cbc""#), "{text}");
        assert!(!text.contains("mark"), "{text}");
        let text = sa_json(&entry, Keys::Shown).to_string();
        assert!(text.contains(&format!(r#""key":"0x{}""#, "ab".repeat(16))), "{text}");
    }
}
