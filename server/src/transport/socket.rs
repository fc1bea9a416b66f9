//! The UDP socket: both address families where the system has them, and buffers large enough for a burst.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Binds a UDP socket with buffers of `buffer_bytes` each way. `[::]` also takes IPv4, and becomes `0.0.0.0` on a machine
/// without IPv6. When the kernel grants less, it is logged, with what it costs and what to do.
///
/// # Errors
///
/// When the address cannot be bound.
pub fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<UdpSocket> {
    let socket = open(address)?;
    enlarge(&socket, buffer_bytes);
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let everywhere = address.is_ipv6() && address.ip().is_unspecified();
    match open_one(address, everywhere) {
        Err(error) if everywhere && error.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED) => {
            open_one((Ipv4Addr::UNSPECIFIED, address.port()).into(), false)
        }
        opened => opened,
    }
}

/// Linux's EAFNOSUPPORT.
const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = 97;

fn open_one(address: SocketAddr, dual_stack: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if dual_stack {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn enlarge(socket: &Socket, wanted: usize) {
    // Whether it worked shows in what was granted.
    let _ = socket.set_recv_buffer_size(wanted);
    let _ = socket.set_send_buffer_size(wanted);
    let granted = socket.recv_buffer_size().unwrap_or(0).min(socket.send_buffer_size().unwrap_or(0));
    if granted < wanted {
        tracing::warn!(
            wanted,
            granted,
            "the kernel grants a smaller UDP buffer; with many people datagrams get lost and latency rises; \
             raise net.core.rmem_max and net.core.wmem_max"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_takes_ipv4_too() {
        let server = bind("[::]:0".parse().unwrap(), 65_536).unwrap();
        let port = server.local_addr().unwrap().port();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"x", ("127.0.0.1", port)).unwrap();
        server.set_nonblocking(false).unwrap();
        assert_eq!(server.recv_from(&mut [0; 4]).unwrap().0, 1);
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let first = bind("127.0.0.1:0".parse().unwrap(), 65_536).unwrap();
        assert_eq!(bind(first.local_addr().unwrap(), 65_536).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
