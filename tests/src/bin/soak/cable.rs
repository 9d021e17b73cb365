//! The way to the database, which can be cut, be slow, fall silent, or reset what goes over it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// What is wrong with the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Trouble {
    None,
    /// Bytes arrive when it is over.
    Silent,
    /// Each piece takes a tenth of a second.
    Slow,
    /// Connections end, and new ones end at once.
    Closed,
    /// The same, with a reset.
    Reset,
}

/// The way to a server. It runs until the process ends.
#[derive(Debug)]
pub(crate) struct Cable {
    pub(crate) address: SocketAddr,
    trouble: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    pub(crate) fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (trouble, open) = (Arc::new(AtomicU8::new(0)), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (is, streams) = (Arc::clone(&trouble), Arc::clone(&open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is.load(Ordering::Relaxed) >= Trouble::Closed as u8 {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                let mut open = streams.lock().unwrap();
                // Of those that have ended, nothing is left to cut.
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
        Ok(Self { address, trouble, open })
    }

    /// Makes the way so.
    pub(crate) fn set(&self, trouble: Trouble) {
        self.trouble.store(trouble as u8, Ordering::Relaxed);
        if matches!(trouble, Trouble::Closed | Trouble::Reset) {
            for stream in self.open.lock().unwrap().drain(..) {
                let _ = match trouble {
                    // What is closed without a lingering end is reset.
                    Trouble::Reset => SockRef::from(&stream)
                        .set_linger(Some(Duration::ZERO))
                        .and_then(|()| stream.shutdown(Shutdown::Read)),
                    _ => stream.shutdown(Shutdown::Both),
                };
            }
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, trouble: &AtomicU8) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while trouble.load(Ordering::Relaxed) == Trouble::Silent as u8 {
            thread::sleep(Duration::from_millis(20));
        }
        if trouble.load(Ordering::Relaxed) == Trouble::Slow as u8 {
            thread::sleep(Duration::from_millis(100));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if trouble.load(Ordering::Relaxed) == Trouble::Reset as u8 {
        return;
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
