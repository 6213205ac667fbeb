//! The route of a packet, and what the devices have that it arrives at and leaves by.

use std::{cell::RefCell, net::IpAddr};

use engine::{Device, Route, RouteQuery, Routes};
use explain::{Flow, FlowDevice};
use model::{DeviceName, Direction, IpVersion, SaEntry};
use rustix::io::Errno;

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
}

/// The routes of a packet.
pub struct Routing {
    given: Given,
    /// None: the kernel has no routes to ask about.
    routes: Option<RefCell<Routes>>,
    /// Of the packet that policies are looked up for; none: it is not known.
    pub route: Option<Result<Route, Errno>>,
    /// The device that it arrives at. If it was not given, that of the route back.
    pub arrives_by: Option<Device>,
}

impl Routing {
    /// Looks up the route of a packet, and sets what it decides of it: the device, and the source if that is the
    /// unspecified address.
    pub fn of(given: Given, flow: &mut Option<Flow>) -> Self {
        let mut routes = Routes::open().ok();
        let mut routing = Self { given, routes: None, route: None, arrives_by: None };
        if let (Some(routes), Some(flow)) = (&mut routes, flow) {
            routing.look_up(routes, flow);
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
            let query = RouteQuery { leaves_by: device, ..query };
            // A packet from an address of another host may be meant, which this one forwards.
            let other = RouteQuery { src: None, ..query };
            routes.find(&query).or_else(|error| routes.find(&other).map_err(|_| error))
        } else {
            let back = |src| routes.find(&RouteQuery::to(src)).ok().map(|route| route.device);
            self.arrives_by = match device {
                Some(name) => routes.device_of_name(name).ok(),
                None => src.and_then(back),
            };
            let arrives_by = self.arrives_by.map(|device| device.name);
            routes.find(&RouteQuery { arrives_by, ..query })
        };
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

    /// The source that the kernel takes for a tunnel to an endpoint (`xfrm_get_saddr`).
    pub fn source(&self, remote: IpAddr) -> Option<IpAddr> {
        let leaves_by = self.leaves_by().map(|device| device.name);
        let find = |query: RouteQuery| {
            let found = self.routes.as_ref()?.borrow_mut().find(&query);
            found.ok().and_then(|route| route.src)
        };
        self.given.local.or_else(|| find(RouteQuery { leaves_by, ..RouteQuery::to(remote) }))
    }

    /// The most bytes of a packet that these SAs have transformed: those of the route to the outermost endpoint.
    pub fn mtu(&self, sas: &[&SaEntry], mark: u32) -> Option<u32> {
        let outermost = sas.last()?;
        let mark = sas.iter().fold(mark, |mark, entry| entry.sa.output_mark.set(mark));
        let dst = outermost.sa.ends.dst();
        let route =
            self.routes.as_ref()?.borrow_mut().find(&RouteQuery { mark, ..RouteQuery::to(dst) });
        route.ok().map(|route| route.mtu)
    }

    /// The device that it leaves by.
    fn leaves_by(&self) -> Option<Device> {
        let route = self.route?.ok()?;
        (self.given.direction != Direction::In).then_some(route.device)
    }

    /// Whether no policy is looked up when it leaves.
    pub fn has_no_xfrm(&self, version: IpVersion) -> bool {
        version == IpVersion::V4 && self.leaves_by().is_some_and(|device| device.has_no_xfrm())
    }

    /// Whether it leaves by a loopback device.
    pub fn is_loopback(&self) -> bool {
        self.leaves_by().is_some_and(|device| device.is_loopback)
    }

    /// Whether its policy is not checked when it is received.
    pub fn has_no_policy(&self, version: IpVersion) -> bool {
        self.arrives_by.is_some_and(|device| device.has_no_policy(version))
    }
}
