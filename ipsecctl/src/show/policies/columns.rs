use std::{
    fmt::{self, Write},
    num::NonZeroU64,
};

use cli::Column;
use model::{Level, PolicyType, Priority, PriorityBase, Template, Visible};

use super::{ShownPolicy, ShownTemplate, installed};
use crate::{
    show::{cells, selector},
    template,
};

/// The columns of `show policies`.
pub const COLUMNS: [Column<ShownPolicy>; 18] = [
    Column::new("index", 6, |it, cell| write!(cell, "{}", it.entry.index)),
    Column::new("direction", 0, |it, cell| cell.write_str(it.entry.policy.id.direction.word())),
    Column::new("socket", 8, |it, cell| cell.write_str(if it.entry.socket { "yes" } else { "" })),
    Column::new("src", 1, |it, cell| selector::src(&it.entry.policy.id.selector, cell)),
    Column::new("dst", 2, |it, cell| selector::dst(&it.entry.policy.id.selector, cell)),
    Column::new("protocol", 3, |it, cell| selector::protocol(&it.entry.policy.id.selector, cell)),
    Column::new("priority", 5, |it, cell| priority(it.entry.policy.priority, cell)),
    Column::new("action", 4, |it, cell| cell.write_str(it.entry.policy.action.word())),
    Column::new("last_used", 7, |it, cell| cells::ago(cell, it.now, it.entry.current.use_time)),
    Column::new("mark", 9, |it, cell| cells::mark(cell, it.entry.policy.id.mark)),
    Column::new("if_id", 10, |it, cell| cells::optional(cell, it.entry.policy.id.if_id)),
    Column::new("device", 11, |it, cell| {
        let device = it.entry.policy.id.selector.device;
        cells::optional(cell, device.as_ref().map(|device| Visible(device.as_str())))
    }),
    Column::new("left", 12, |it, cell| {
        cells::left(cell, &it.entry.policy.lifetimes, &it.entry.current, it.now)
    }),
    Column::new("security_context", 13, |it, cell| {
        cells::context(cell, it.entry.policy.id.sec_ctx.as_ref())
    }),
    Column::new("flags", 14, |it, cell| cells::words(cell, it.entry.policy.flags.words())),
    Column::new("policy_type", 15, |it, cell| {
        let kind = it.entry.policy.id.policy_type;
        cell.write_str(if kind == PolicyType::Main { "" } else { kind.word() })
    }),
    Column::long("added", |it, cell| {
        cells::ago(cell, it.now, NonZeroU64::new(it.entry.current.add_time))
    }),
    templates(),
];

const fn templates() -> Column<ShownPolicy> {
    let column: Column<ShownPolicy> = Column::new("templates", 16, |it, cell| {
        let templates = it.entry.policy.action.templates().iter().zip(&it.templates);
        templates.enumerate().try_for_each(|(place, (template, shown))| {
            cell.write_str(if place == 0 { "" } else { "\n" })?;
            write_template(template, shown, cell)
        })
    });
    column.plain()
}

/// A template as in scripts, how it is installed where the level does not determine that, and the SAs that
/// serve it.
fn write_template(
    template: &Template,
    ShownTemplate { installed, sas }: &ShownTemplate,
    cell: &mut String,
) -> fmt::Result {
    template::write(template, cell)?;
    match (template.level, *installed) {
        (Level::Require | Level::Unique(_), installed::REQUIRED) => {}
        (_, installed) => write!(cell, " ({installed})")?,
    }
    write!(cell, " sas={}", if sas.is_empty() { "none" } else { sas })
}

/// A priority that has a name, or its number.
fn priority(priority: Priority, cell: &mut String) -> fmt::Result {
    match PriorityBase::ALL.iter().find(|base| base.priority() == priority) {
        Some(base) => cell.write_str(base.word()),
        None => write!(cell, "{}", priority.0),
    }
}
