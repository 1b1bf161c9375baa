//! A link that can be cut and stalled: what goes through it goes byte by byte, until a test says otherwise.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// In front of one port.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    link: Arc<Link>,
}

#[derive(Default)]
struct Link {
    /// Connections of an earlier number are cut.
    cuts: AtomicU64,
    stalled: AtomicBool,
    closed: AtomicBool,
}

impl Proxy {
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let link = Arc::new(Link::default());
        let shared = Arc::clone(&link);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Nobody is there: the connection ends at once.
                if shared.closed.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                let cuts = shared.cuts.load(Ordering::SeqCst);
                let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                for (from, into) in [(copy(&near), copy(&far)), (copy(&far), copy(&near))] {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.relay(from, into, cuts));
                }
            }
        });
        Self { port, link }
    }

    /// Whatever is under way is lost, and nobody is told why. New connections are taken.
    pub(crate) fn cut(&self) {
        self.link.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// New connections end at once.
    pub(crate) fn close(&self) {
        self.link.closed.store(true, Ordering::SeqCst);
    }

    /// They are taken again.
    pub(crate) fn open(&self) {
        self.link.closed.store(false, Ordering::SeqCst);
    }

    /// Nothing moves until `stall(false)`.
    pub(crate) fn stall(&self, stalled: bool) {
        self.link.stalled.store(stalled, Ordering::SeqCst);
    }
}

impl Link {
    fn relay(&self, mut from: TcpStream, mut into: TcpStream, cuts: u64) {
        let mut buffer = [0; 1500];
        from.set_read_timeout(Some(Duration::from_millis(5))).expect("a time above zero");
        while self.cuts.load(Ordering::SeqCst) == cuts {
            if self.stalled.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) if into.write_all(&buffer[..count]).is_err() => break,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        for stream in [from, into] {
            // It may be closed already.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}
