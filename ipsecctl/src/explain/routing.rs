//! The route of a packet, and what the devices have that it arrives at and leaves by.

mod around;
mod outer;
mod refusal;

use std::{cell::RefCell, net::IpAddr};

use engine::{Device, DeviceXfrm, Route, RouteQuery, Routes};
use explain::{Flow, FlowDevice, Reason, Surroundings, XfrmDevice};
use model::{DeviceName, Direction, IpVersion};
use rustix::io::Errno;

use super::arrival::Through;
pub use around::{Around, Obstacle, is_for_this_host};
pub use outer::outermost_tunnel;
use refusal::{of_type, on_arrival};

/// What the command line has of it.
#[derive(Clone, Copy)]
pub struct Given {
    pub direction: Direction,
    /// The device that it arrives at, or that its socket is bound to.
    pub device: Option<DeviceName>,
    /// The user that sends it.
    pub uid: Option<u32>,
    /// The source of tunnels without one.
    pub local: Option<IpAddr>,
    /// The device that it comes out of once its SAs are undone.
    pub through: Option<Through>,
    /// Whether it came out of a tunnel, so that `rp_filter` does not look at it (`secpath_exists`).
    pub is_decapsulated: bool,
    /// The packet that its SAs are undone of: as it was captured, or with the ends of the first SA.
    pub outer: Option<RouteQuery>,
    /// Whether that was captured.
    pub is_captured: bool,
}

impl Given {
    /// Whether no policy is checked of a protected packet that arrives for a vti device: see [`Routing::has_no_policy`].
    fn has_no_policy(&self, routes: &mut Routes, flow: &Flow) -> bool {
        let ends = (Some(flow.src()), flow.dst());
        let device = match flow.version() {
            IpVersion::V6 => routes.owner(flow.dst()).ok(),
            IpVersion::V4 => around::arrives_at(routes, ends, self),
        };
        device.is_some_and(|device| device.has_no_policy(flow.version()))
    }

    /// The device that the packet arrives at which its SAs are undone of, if it was given: what comes out may be given one too.
    fn outer_device(&self) -> Option<DeviceName> {
        let own = self.through.map(|it| it.name);
        self.device.filter(|device| Some(*device) != own)
    }
}

/// The routes of a packet.
pub struct Routing {
    given: Given,
    /// The IP version of the packet.
    version: IpVersion,
    /// None: the kernel has no routes to ask about.
    routes: Option<RefCell<Routes>>,
    /// Of the packet that policies are looked up for; none: it is not known.
    pub route: Option<Result<Route, Errno>>,
    /// Whether the source of a packet from this host is no address of it.
    pub is_source_foreign: bool,
    /// The VRF that its socket is bound to, since its source is an address of that.
    pub bound_to: Option<DeviceName>,
    /// Why the packet is dropped there.
    pub refusal: Option<Reason>,
    /// The packet that its SAs are undone of, where it arrives.
    around: Option<Around>,
    /// The device that it arrives at. If it was not given, that of the route back.
    pub arrives_by: Option<Device>,
    /// The device of the route back to the source of a packet that arrives.
    pub back: Option<DeviceName>,
    /// The device that has its destination.
    owner: Option<Device>,
    /// Whether the protected packet that comes out of a vti device arrives at one with `disable_policy`.
    outer_has_no_policy: bool,
}

impl Routing {
    /// Looks up the route of a packet, and sets what it decides of it: the device, and the source if that is the
    /// unspecified address.
    pub fn of(given: Given, flow: &mut Option<Flow>) -> Self {
        let mut routes = Routes::open().ok();
        let (route, refusal, arrives_by, back, owner) = (None, None, None, None, None);
        let version = flow.map_or(IpVersion::V4, |flow| flow.version());
        let mut routing = Self {
            given,
            version,
            routes: None,
            route,
            is_source_foreign: false,
            bound_to: None,
            refusal,
            around: None,
            arrives_by,
            back,
            owner,
            outer_has_no_policy: false,
        };
        if let (Some(routes), Some(flow)) = (&mut routes, flow) {
            routing.look_up(routes, flow);
        }
        if let (Some(routes), Some(outer)) = (&mut routes, &given.outer) {
            routing.around = Some(Around::of(routes, *outer, &given));
        }
        if let (Some(routes), Some(outer)) =
            (&mut routes, given.through.and_then(|it| it.protected))
        {
            routing.outer_has_no_policy = given.has_no_policy(routes, &outer);
        }
        routing.routes = routes.map(RefCell::new);
        routing
    }

    fn look_up(&mut self, routes: &mut Routes, flow: &mut Flow) {
        let Given { direction, device, uid, .. } = self.given;
        let src = Some(flow.src()).filter(|src| !src.is_unspecified());
        let query = RouteQuery {
            src,
            mark: flow.mark,
            uid,
            upper: flow.upper,
            ports: flow.src_port.zip(flow.dst_port),
            ..RouteQuery::to(flow.dst())
        };
        let route = if direction == Direction::Out {
            self.leaves(routes, &RouteQuery { leaves_by: device, ..query })
        } else {
            self.arrives(routes, &query)
        };
        let device = device.or(self.bound_to);
        flow.device = match (route, direction, flow.version()) {
            // The kernel compares what the socket is bound to (`ip6_dst_lookup_tail` sets nothing).
            (Ok(_), Direction::Out, IpVersion::V6) => {
                device.map_or(FlowDevice::None, FlowDevice::Named)
            }
            (Ok(route), ..) => FlowDevice::Named(route.device.name),
            (Err(_), Direction::Out, _) => device.map_or(FlowDevice::Unknown, FlowDevice::Named),
            (Err(_), ..) => FlowDevice::Unknown,
        };
        if let (Direction::Out, None, Ok(Route { src: Some(chosen), .. })) = (direction, src, route)
        {
            flow.set_src(chosen);
        }
        self.route = Some(route);
    }

    fn leaves(&mut self, routes: &mut Routes, query: &RouteQuery) -> Result<Route, Errno> {
        let owner = query.src.map(|src| routes.owner(src));
        self.is_source_foreign = matches!(owner, Some(Err(_)));
        // No other socket can have the source.
        let vrf = owner.and_then(|owner| owner.ok()?.vrf);
        self.bound_to = vrf.filter(|_| query.leaves_by.is_none());
        let query = &RouteQuery { leaves_by: query.leaves_by.or(self.bound_to), ..*query };
        let route = routes.find(query).or_else(|error| {
            // A packet from an address of another host may be meant, which this one sends by a raw socket.
            let other = RouteQuery { src: None, ..*query };
            if self.is_source_foreign { routes.find(&other).map_err(|_| error) } else { Err(error) }
        });
        self.refusal = route.err().map(of_type);
        route
    }

    fn arrives(&mut self, routes: &mut Routes, query: &RouteQuery) -> Result<Route, Errno> {
        let version = IpVersion::of(query.dst);
        self.owner = routes.owner(query.dst).ok();
        let given = self.given.device.and_then(|name| routes.device_of_name(name).ok());
        // The route back is in the table of the VRF that the packet is in.
        let vrf = given.or(self.owner).and_then(|device| device.vrf);
        let back = |src| RouteQuery { leaves_by: vrf, ..RouteQuery::to(src) };
        let back = query.src.and_then(|src| routes.find(&back(src)).ok());
        let through = self.given.through.map(|it| it.name);
        self.arrives_by = match through.or(self.given.device) {
            Some(name) => routes.device_of_name(name).ok(),
            None => around::likeliest(routes, query.src, query.dst),
        };
        self.back = back.map(|route| route.device.name);
        let by = |device: Option<Device>| RouteQuery {
            arrives_by: device.map(|device| device.name),
            ..*query
        };
        // Of a packet that arrives, which is all that is known of it, the kernel wants the device.
        let Some(device) = self.arrives_by else {
            let route = routes.find(&RouteQuery { src: None, ..*query });
            self.refusal = route.err().map(of_type);
            return route;
        };
        let mut route = routes.find(&by(Some(device)));
        self.refusal = route.err().map(|errno| on_arrival(routes, query, device, errno));
        if self.refusal == Some(Reason::ReversePath) && self.given.is_decapsulated {
            // By the device of the route back no packet is refused.
            let elsewhere = routes.find(&by(back.map(|route| route.device)));
            route = elsewhere.or_else(|_| routes.find(&RouteQuery { src: None, ..*query }));
            self.refusal = route.err().map(of_type);
        }
        if version == IpVersion::V6 && self.refusal.is_none() && device.has_no_ipv6() {
            self.refusal = Some(Reason::NoIpv6);
        }
        let is_for_others = route.is_ok_and(|route| !route.is_local);
        if is_for_others && !device.forwards(version) {
            self.refusal = Some(Reason::NoForwarding);
        }
        route
    }

    /// Whether the device that it arrives at, or that its socket is bound to, was given.
    pub fn is_device_given(&self) -> bool {
        self.given.device.is_some() || self.given.through.is_some()
    }

    /// The device that it comes out of once its SAs are undone.
    pub fn through(&self) -> Option<Through> {
        self.given.through
    }

    /// The packet that its SAs are undone of, if it does not get to them, and why.
    pub fn stopped_around(&self) -> Option<(Around, Obstacle)> {
        let around = self.around?;
        Some((around, around.fault?))
    }

    /// Whether the packet that its SAs are undone of was captured.
    pub fn is_captured(&self) -> bool {
        self.given.is_captured
    }

    /// The IP version of the packet as it arrives.
    pub fn outer_version(&self) -> IpVersion {
        self.given.outer.map_or(self.version, |outer| IpVersion::of(outer.dst))
    }

    /// The direction by its route, if that is another than was given.
    pub fn elsewhere(&self) -> Option<Direction> {
        let route = self.route?.ok()?;
        match self.given.direction {
            Direction::In if !route.is_local => Some(Direction::Fwd),
            Direction::Fwd if route.is_local => Some(Direction::In),
            Direction::In | Direction::Fwd | Direction::Out => None,
        }
    }

    fn find(&self, query: &RouteQuery) -> Option<Result<Route, Errno>> {
        Some(self.routes.as_ref()?.borrow_mut().find(query))
    }

    /// The VRF whose table the routes of tunnels are in (`l3mdev_master_ifindex_by_index`).
    pub fn vrf(&self) -> Option<DeviceName> {
        self.leaves_by()?.vrf
    }

    /// The source that the kernel takes for a tunnel to an endpoint (`xfrm_get_saddr`).
    pub fn source(&self, remote: IpAddr) -> Option<IpAddr> {
        let query = RouteQuery { leaves_by: self.vrf(), ..RouteQuery::to(remote) };
        self.given.local.or_else(|| self.find(&query)?.ok()?.src)
    }

    /// The variable by which no policy is looked up when it leaves.
    pub fn set_disable_xfrm(&self) -> Option<String> {
        self.leaves_by()?.set_disable_xfrm()
    }

    /// The variable by which its policy is not checked when it is received.
    pub fn set_disable_policy(&self) -> Option<String> {
        self.checked_at()?.set_disable_policy(self.version)
    }

    /// What it decides beside the tables.
    pub fn surroundings(&self) -> Surroundings<'static> {
        let fault = self.stopped_around().map(|(_, fault)| fault);
        Surroundings {
            has_no_xfrm: self.has_no_xfrm(),
            refusal: self.refusal,
            outer_refusal: match fault {
                Some(Obstacle::Refused(reason)) => Some(reason),
                Some(Obstacle::Forwarded) | None => None,
            },
            is_outer_forwarded: fault == Some(Obstacle::Forwarded),
            elsewhere: self.elsewhere(),
            interface: self.interface(),
            is_loopback: self.is_loopback(),
            has_no_policy: self.has_no_policy(),
            outer_has_no_policy: self.outer_has_no_policy,
            ..Surroundings::default()
        }
    }

    /// The device that it leaves by, if that looks policies up itself.
    pub fn interface(&self) -> Option<XfrmDevice> {
        let device = self.leaves_by()?;
        let encap = self.route?.ok()?.encap;
        Some(match device.xfrm? {
            _ if device.link.is_of_other_namespace => XfrmDevice::Elsewhere,
            DeviceXfrm::Vti { out_key, local, remote, .. } => {
                XfrmDevice::Vti { mark: out_key, local, remote }
            }
            DeviceXfrm::Interface { if_id, link } => {
                // Each packet brings number and device to one that has none.
                let own = encap.filter(|_| if_id.is_none());
                let link = own.map_or(link, |own| own.link);
                let link = link.map_or(FlowDevice::None, FlowDevice::Named);
                let if_id = own.map_or(if_id, |own| Some(own.if_id));
                XfrmDevice::Xfrm { if_id, link }
            }
        })
    }

    /// The device that it leaves by.
    fn leaves_by(&self) -> Option<Device> {
        let route = self.route?.ok()?;
        (self.given.direction != Direction::In).then_some(route.device)
    }

    /// Whether no policy is looked up when it leaves.
    pub fn has_no_xfrm(&self) -> bool {
        self.version == IpVersion::V4 && self.leaves_by().is_some_and(|device| device.has_no_xfrm())
    }

    /// Whether it leaves by a loopback device.
    pub fn is_loopback(&self) -> bool {
        self.leaves_by().is_some_and(|device| device.is_loopback)
    }

    /// Whether its policy is not checked when it is received. Of IPv6 the route has the setting of the device that has
    /// the address (`addrconf_f6i_alloc`), and of a forwarded packet the device that it arrives at (`ip6_forward`).
    pub fn has_no_policy(&self) -> bool {
        self.set_disable_policy().is_some()
    }

    /// The device whose setting decides on that.
    fn checked_at(&self) -> Option<Device> {
        match (self.version, self.given.direction) {
            (IpVersion::V6, Direction::In) => self.owner,
            _ => self.arrives_by,
        }
    }
}
