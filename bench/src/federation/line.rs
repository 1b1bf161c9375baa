//! A connection that speaks in elements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::Fallible;
use crate::federation::xml::{Reader, name};

/// How long a server may take to say what is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The connection.
pub(crate) struct Line<S> {
    socket: S,
    reader: Reader,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Line<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, reader: Reader::default() }
    }

    /// The connection alone; what was read and not taken is forgotten (RFC 6120 §5.4.3.3).
    pub(crate) fn into_inner(self) -> S {
        self.socket
    }

    pub(crate) async fn send(&mut self, xml: &str) -> Fallible {
        self.socket.write_all(xml.as_bytes()).await?;
        Ok(self.socket.flush().await?)
    }

    /// The next element or tag of the stream, however long that takes.
    pub(crate) async fn element(&mut self) -> Fallible<String> {
        loop {
            if let Some(element) = self.reader.next() {
                return Ok(element.to_owned());
            }
            if self.socket.read_buf(self.reader.room()).await? == 0 {
                return Err("the connection was closed".into());
            }
        }
    }

    /// The next one of this name.
    pub(crate) async fn until(&mut self, wanted: &str) -> Fallible<String> {
        let waiting = async {
            loop {
                let element = self.element().await?;
                if name(&element) == wanted {
                    return Ok(element);
                }
                if name(&element) == "stream:error" || name(&element) == "/stream:stream" {
                    return Err(format!("no <{wanted}> but {element}").into());
                }
            }
        };
        timeout(PATIENCE, waiting).await.map_err(|_| format!("no <{wanted}> within {PATIENCE:?}"))?
    }

    /// From now on one task writes and another reads, each element to `hear`.
    pub(crate) fn split(mut self, mut hear: impl FnMut(&str) + Send + 'static) -> Voice {
        let (mut reading, mut writing) = tokio::io::split(self.socket);
        let (words, mut said) = mpsc::unbounded_channel::<String>();
        let open = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&open);
        tokio::spawn(async move {
            loop {
                while let Some(element) = self.reader.next() {
                    hear(element);
                }
                if !matches!(reading.read_buf(self.reader.room()).await, Ok(1..)) {
                    return still.store(false, Ordering::Relaxed);
                }
            }
        });
        tokio::spawn(async move {
            while let Some(xml) = said.recv().await {
                if writing.write_all(xml.as_bytes()).await.is_err() || writing.flush().await.is_err() {
                    return;
                }
            }
        });
        Voice { words, open }
    }
}

/// What speaks on a connection that was split.
#[derive(Clone)]
pub(crate) struct Voice {
    words: mpsc::UnboundedSender<String>,
    open: Arc<AtomicBool>,
}

impl Voice {
    /// Says it as soon as all that was said before is written.
    pub(crate) fn say(&self, xml: String) -> Fallible {
        self.words.send(xml).map_err(|_| "the connection was closed".into())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}
