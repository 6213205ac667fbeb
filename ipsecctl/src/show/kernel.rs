use cli::{
    Table,
    json::{Document, HashThresholdJson, KernelJson},
};

use crate::Error;

/// The size of the SAD and the SPD.
pub fn read(document: &mut Document) -> Result<Table, Error> {
    let (sad, spd) = engine::info()?;
    let kernel = KernelJson::new(&sad, &spd);
    let mut table = Table::new(&["name", "value"], "");
    for (name, value) in rows(&kernel) {
        table.row([name.to_owned(), value]);
    }
    document.kernel = Some(kernel);
    Ok(table)
}

/// The members of the JSON object, in its order.
fn rows(kernel: &KernelJson) -> Vec<(&'static str, String)> {
    let number = |number: u32| number.to_string();
    let threshold = |threshold: &Option<HashThresholdJson>| {
        threshold.as_ref().map_or("-".to_owned(), |HashThresholdJson { local, remote }| {
            format!("local /{local}, remote /{remote}")
        })
    };
    vec![
        ("sas", number(kernel.sas)),
        ("sa_buckets", number(kernel.sa_buckets)),
        ("max_sa_buckets", number(kernel.max_sa_buckets)),
        ("policies_in", number(kernel.policies_in)),
        ("policies_out", number(kernel.policies_out)),
        ("policies_fwd", number(kernel.policies_fwd)),
        ("socket_policies_in", number(kernel.socket_policies_in)),
        ("socket_policies_out", number(kernel.socket_policies_out)),
        ("policy_buckets", number(kernel.policy_buckets)),
        ("max_policy_buckets", number(kernel.max_policy_buckets)),
        ("hash_threshold_v4", threshold(&kernel.hash_threshold_v4)),
        ("hash_threshold_v6", threshold(&kernel.hash_threshold_v6)),
    ]
}

#[cfg(test)]
mod tests {
    use model::{HashTable, HashThreshold, SadInfo, SpdInfo};

    use super::*;

    #[test]
    fn the_rows_are_the_members_of_json() {
        let table = HashTable { buckets: 8, max_buckets: 1 << 20 };
        let threshold = Some(HashThreshold { local: 24, remote: 16 });
        let spd = SpdInfo {
            policies: [1, 2, 3],
            socket_policies: [4, 5, 0],
            table,
            thresholds: [threshold, None],
        };
        let kernel = KernelJson::new(&SadInfo { sas: 7, table }, &spd);
        let rows = rows(&kernel);
        let values = rows.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>();
        let expected = [
            "7",
            "8",
            "1048576",
            "1",
            "2",
            "3",
            "4",
            "5",
            "8",
            "1048576",
            "local /24, remote /16",
            "-",
        ];
        assert_eq!(values, expected);
        let json = serde_json::to_value(&kernel).unwrap();
        for (name, value) in rows.iter().filter(|(_, value)| value.parse::<u32>().is_ok()) {
            assert_eq!(json[name].to_string(), *value, "{name}");
        }
        assert_eq!(json["hash_threshold_v4"]["remote"], 16);
        assert_eq!(json.get("hash_threshold_v6"), None);
    }
}
