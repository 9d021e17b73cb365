//! A proxy between the servers and the database that can delay, hold, close and reset connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// A fault of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NetworkFault {
    None,
    /// Nothing arrives until the fault is over.
    Silent,
    /// Each chunk is delayed by a tenth of a second.
    Slow,
    /// Connections are closed, and new ones at once.
    Closed,
    /// Connections are reset, and new ones closed at once.
    Reset,
}

/// A proxy in front of a server. It runs until the process ends.
#[derive(Debug)]
pub(crate) struct DatabaseProxy {
    pub(crate) address: SocketAddr,
    server: Arc<Mutex<SocketAddr>>,
    fault: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl DatabaseProxy {
    pub(crate) fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (fault, open) = (Arc::new(AtomicU8::new(0)), Arc::<Mutex<Vec<TcpStream>>>::default());
        let server = Arc::new(Mutex::new(server));
        let (is, streams, to) = (Arc::clone(&fault), Arc::clone(&open), Arc::clone(&server));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is.load(Ordering::Relaxed) >= NetworkFault::Closed as u8 {
                    continue;
                }
                let server = *to.lock().unwrap();
                let Ok(server) = TcpStream::connect(server) else { continue };
                let mut open = streams.lock().unwrap();
                // Connections that have ended need not be cut.
                open.retain(|stream| stream.peer_addr().is_ok());
                let pair = [(&client, &server), (&server, &client)];
                for (from, to) in pair {
                    let (Ok(from), Ok(to), is) =
                        (from.try_clone(), to.try_clone(), Arc::clone(&is))
                    else {
                        continue;
                    };
                    thread::spawn(move || carry(from, to, &is));
                }
                open.extend([client, server]);
            }
        });
        Ok(Self { address, server, fault, open })
    }

    /// Leads new connections to another server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap() = server;
    }

    /// Starts or ends a fault.
    pub(crate) fn set(&self, fault: NetworkFault) {
        self.fault.store(fault as u8, Ordering::Relaxed);
        if matches!(fault, NetworkFault::Closed | NetworkFault::Reset) {
            for stream in self.open.lock().unwrap().drain(..) {
                let _ = match fault {
                    // What is closed without a lingering end is reset.
                    NetworkFault::Reset => SockRef::from(&stream)
                        .set_linger(Some(Duration::ZERO))
                        .and_then(|()| stream.shutdown(Shutdown::Read)),
                    _ => stream.shutdown(Shutdown::Both),
                };
            }
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, fault: &AtomicU8) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while fault.load(Ordering::Relaxed) == NetworkFault::Silent as u8 {
            thread::sleep(Duration::from_millis(20));
        }
        if fault.load(Ordering::Relaxed) == NetworkFault::Slow as u8 {
            thread::sleep(Duration::from_millis(100));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if fault.load(Ordering::Relaxed) == NetworkFault::Reset as u8 {
        return;
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
