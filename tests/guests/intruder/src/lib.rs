//! A connector that tries every way out of the sandbox that WASI has. The body of a request is the port of a server on loopback that
//! waits for it; the reply says on each line what was tried and what came of it.
#![cfg(target_family = "wasm")]

#[allow(unsafe_code, clippy::all, rust_2018_idioms, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package test:intruder;
            world intruder {
                import wasi:cli/environment@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
                import wasi:sockets/instance-network@0.2.12;
                import wasi:sockets/ip-name-lookup@0.2.12;
                import wasi:sockets/tcp-create-socket@0.2.12;
                import wasi:sockets/udp-create-socket@0.2.12;
            }
        ",
        generate_all,
    });
}

use bindings::wasi::cli::environment;
use bindings::wasi::filesystem::preopens;
use bindings::wasi::sockets::instance_network::instance_network;
use bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
use bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use bindings::wasi::sockets::udp_create_socket::create_udp_socket;
use jackfield_sdk::{Connector, Failure, Outcome, Reply, Request, export};

struct Intruder;

impl Connector for Intruder {
    fn receive(request: Request) -> Result<Outcome, Failure> {
        let port = String::from_utf8_lossy(&request.body).parse().unwrap_or(0);
        let server = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) });
        let own = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) });
        let lines = [
            format!("directories {}", preopens::get_directories().len()),
            format!("environment {}", environment::get_environment().len()),
            format!("arguments {}", environment::get_arguments().len()),
            format!("folder {:?}", environment::initial_cwd()),
            format!("name {}", told(name())),
            format!("connect {}", told(connect(server))),
            format!("listen {}", told(listen(own))),
            format!("datagram {}", told(datagram(own))),
        ];
        Ok(Outcome::reply(Reply::text(200, lines.join("\n"))))
    }
}

fn told(attempt: Result<(), ErrorCode>) -> String {
    match attempt {
        Ok(()) => "succeeded".to_owned(),
        Err(code) => format!("{code:?}"),
    }
}

fn name() -> Result<(), ErrorCode> {
    let addresses = resolve_addresses(&instance_network(), "localhost")?;
    addresses.subscribe().block();
    addresses.resolve_next_address().map(|_| ())
}

fn connect(to: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&instance_network(), to)?;
    socket.subscribe().block();
    socket.finish_connect().map(|_| ())
}

fn listen(at: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), at)?;
    socket.finish_bind()?;
    socket.start_listen()?;
    socket.finish_listen()
}

fn datagram(at: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), at)?;
    socket.finish_bind()
}

export!(Intruder);
