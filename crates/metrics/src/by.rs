use model::table;

struct Row {
    word: &'static str,
    meaning: &'static str,
}

table! {
    /// What the SAs of a series have in common.
    pub enum By: Row, "kind of series" {
        /// The address of the other host, and the direction.
        Peer => Row { word: "peer", meaning: "The address of the other host, and the direction" },
        /// The reqid.
        ReqId => Row { word: "reqid", meaning: "The reqid" },
        /// Everything: a series an SA.
        Sa => Row { word: "sa", meaning: "Everything: a series an SA" },
    }
}

impl By {
    /// What the SAs have in common, for a list of the words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.row().meaning
    }
}
