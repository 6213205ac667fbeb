//! Scenarios on a complete kernel, which `tests/kernel/run` boots. Each file is a story.

mod ah_and_tunnels;
mod ah_esp_bundle;
mod ah_transport;
mod cases;
mod corpus;
mod daemon;
mod def_policy;
mod default_levels;
mod dialects;
mod differential;
mod dumps;
mod esp_transport;
mod esp_tunnel;
mod gateways;
mod ipcomp_esp;
mod libipsec;
mod monitor;
mod oracle;
mod outer_headers;
mod round_trip;
mod scale;
mod show;
mod sites;
mod socket_policies;
mod story;
mod tunnel;
