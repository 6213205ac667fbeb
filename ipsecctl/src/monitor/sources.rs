//! The network namespaces that events are from: this one alone, or all that have a number here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use cli::{
    json::{EventJson, NetnsJson},
    print_error,
};
use engine::{NamedNamespace, NamespaceNumbers};
use model::{Event, visible};

use super::{origin::PortsOf, tables::TableCopies};
use crate::Error;

/// How often it is looked for network namespaces with a name.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// The most network namespaces without a name of which something is kept.
const MOST_UNNAMED: usize = 64;

/// The tables that events change.
pub struct Sources {
    own: TableCopies,
    /// Where its events' ports are.
    own_ports: PortsOf,
    others: Option<Others>,
}

/// Other network namespaces. None of their files stays open, so that they can end.
struct Others {
    numbers: NamespaceNumbers,
    /// The number that this network namespace has in itself; none: its events have none.
    own: Option<i32>,
    known: BTreeMap<i32, Other>,
    /// The names of those of which no events are received, which is reported once.
    refused: BTreeSet<String>,
    /// When it was looked for them.
    looked: Option<Instant>,
}

/// Another network namespace.
struct Other {
    /// Its name and inode; none: it has no name that is known.
    name: Option<(String, u64)>,
    tables: TableCopies,
}

impl Sources {
    /// Reads the tables of this network namespace. A monitor that is open before misses nothing. With `is_of_all`
    /// [`Sources::look`] finds the others.
    pub fn read(is_of_all: bool) -> Result<Self, Error> {
        let open = || NamespaceNumbers::open().map_err(Error::Namespaces);
        let others = is_of_all.then(|| open().map(Others::new)).transpose()?;
        let own_ports = sys::netns::inode().map_or(PortsOf::Unknown, PortsOf::This);
        Ok(Self { own: TableCopies::read()?, own_ports, others })
    }

    /// Where the port of an event of the network namespace of this number is.
    pub fn ports_of(&self, number: Option<i32>) -> PortsOf {
        let Some((others, number)) = self.another(number) else { return self.own_ports };
        let name = others.known.get(&number).and_then(|other| other.name.as_ref());
        name.map_or(PortsOf::Unknown, |(_, inode)| PortsOf::Another(*inode))
    }

    /// The others, if the number is one of theirs.
    fn another(&self, number: Option<i32>) -> Option<(&Others, i32)> {
        let other = self.others.as_ref().zip(number);
        other.filter(|(others, number)| others.own != Some(*number))
    }

    /// Looks for other network namespaces, once in [`INTERVAL`]: an event for each that was not known.
    pub fn look(&mut self) -> Result<Vec<EventJson>, Error> {
        match &mut self.others {
            Some(others) if others.looked.is_none_or(|looked| looked.elapsed() >= INTERVAL) => {
                others.look(&self.own)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Looks for the network namespace of this number if it is not known, as [`Sources::look`].
    pub fn find(&mut self, number: Option<i32>) -> Result<Vec<EventJson>, Error> {
        match (&mut self.others, number) {
            (Some(others), Some(number)) if !others.known.contains_key(&number) => {
                others.look(&self.own)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Carries out an event of the network namespace of this number in its tables, as [`TableCopies::apply`].
    pub fn apply(&mut self, event: &Event, number: Option<i32>) -> Option<EventJson> {
        let is_own = self.another(number).is_none();
        let other = self.others.as_mut().zip(number).filter(|_| !is_own);
        let Some((others, number)) = other else { return self.own.apply(event) };
        others.leave_room_for(number);
        let unnamed = || Other { name: None, tables: self.own.unread() };
        let other = others.known.entry(number).or_insert_with(unnamed);
        let netns = Some(other.json(number));
        other.tables.apply(event).map(|event| EventJson { netns, ..event })
    }

    /// Reads all tables again after events were lost, of whichever network namespace. Returns what has happened
    /// meanwhile, as far as it left a trace.
    pub fn recover(&mut self) -> Result<Vec<EventJson>, Error> {
        let mut events = self.own.recover()?;
        let entries = Some(self.own.entries());
        events.push(EventJson { event: "recovered", entries, ..EventJson::default() });
        for (number, other) in self.others.iter_mut().flat_map(|others| &mut others.known) {
            let netns = Some(other.json(*number));
            let of_other = other.recover().into_iter();
            events.extend(of_other.map(|event| EventJson { netns: netns.clone(), ..event }));
        }
        Ok(events)
    }
}

impl Others {
    fn new(numbers: NamespaceNumbers) -> Self {
        let (known, refused) = (BTreeMap::new(), BTreeSet::new());
        Self { numbers, own: None, known, refused, looked: None }
    }

    /// Forgets network namespaces without a name, which may have ended, if a further one would be one too many.
    fn leave_room_for(&mut self, number: i32) {
        let unnamed = self.known.values().filter(|other| other.name.is_none()).count();
        if unnamed >= MOST_UNNAMED && !self.known.contains_key(&number) {
            self.known.retain(|_, other| other.name.is_some());
        }
    }

    fn look(&mut self, own: &TableCopies) -> Result<Vec<EventJson>, Error> {
        self.looked = Some(Instant::now());
        self.own = self.numbers.of_own().map_err(Error::Namespaces)?;
        let named = NamedNamespace::all().map_err(Error::NamesOfNamespaces)?;
        let mut found = BTreeMap::new();
        for namespace in named.into_iter().filter(|it| !it.is_own()) {
            let number = namespace.check_owner().and_then(|()| self.numbers.assigned(&namespace));
            match number {
                Ok(number) => {
                    self.refused.remove(&namespace.name);
                    found.insert(number, namespace);
                }
                Err(errno) if self.refused.insert(namespace.name.clone()) => {
                    let (name, reason) = (visible(&namespace.name), sys::errno_text(errno));
                    let text = format!("events of network namespace {name} are not received");
                    print_error("ipsecctl", &format_args!("{text}: {reason}"));
                }
                Err(_) => {}
            }
        }
        // A number, and an inode, may be another one's by now; one without a name stays.
        self.known.retain(|number, other| {
            let is_it = |(name, inode): &(String, u64)| {
                found.get(number).is_some_and(|it| (&it.name, it.inode) == (name, *inode))
            };
            other.name.as_ref().map_or(!found.contains_key(number), is_it)
        });
        let new = found.into_iter().filter(|(number, _)| !self.known.contains_key(number));
        let mut events = Vec::new();
        for (number, namespace) in new.collect::<Vec<_>>() {
            let other = Other::read(namespace, own);
            let entries = other.tables.is_whole().then(|| other.tables.entries());
            let netns = Some(other.json(number));
            events.push(EventJson { event: "netns", netns, entries, ..EventJson::default() });
            self.known.insert(number, other);
        }
        Ok(events)
    }
}

impl Other {
    fn read(namespace: NamedNamespace, own: &TableCopies) -> Self {
        let read = namespace.within(TableCopies::read_with_numbers, Error::Namespaces);
        let tables = read.unwrap_or_else(|error| {
            let name = visible(&namespace.name);
            let text = format!("the tables of network namespace {name} cannot be read");
            print_error("ipsecctl", &format_args!("{text}: {error}"));
            own.unread()
        });
        Self { name: Some((namespace.name, namespace.inode)), tables }
    }

    fn json(&self, number: i32) -> NetnsJson {
        NetnsJson { number, name: self.name.as_ref().map(|(name, _)| name.clone()) }
    }

    /// As [`Sources::recover`]. What was lost of tables that cannot be read is an event of its own.
    fn recover(&mut self) -> Vec<EventJson> {
        let lost = || vec![EventJson { event: "lost", ..EventJson::default() }];
        let Some((name, inode)) = self.name.as_ref().filter(|_| self.tables.is_whole()) else {
            self.tables.forget();
            return lost();
        };
        let namespace = NamedNamespace::of_name(name).ok().filter(|it| it.inode == *inode);
        let Some(namespace) = namespace else { return lost() };
        let tables = &mut self.tables;
        let recovered = namespace.within(|| tables.recover(), Error::Namespaces);
        let Ok(mut events) = recovered else { return lost() };
        let entries = Some(self.tables.entries());
        events.push(EventJson { event: "recovered", entries, ..EventJson::default() });
        events
    }
}
