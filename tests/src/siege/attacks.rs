//! The bad clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::bomb;
use crate::client::Client;
use crate::host::{Host, TELEGRAM};

/// The channel of a connector that spins at each webhook.
pub const SPINNING: &str = "spinning";

/// What the front door is attacked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// 4,100 connections that send nothing, and come again when they are closed.
    Silent,
    /// 40 webhooks on another channel whose bodies drip.
    Drips,
    /// 64 streams of events from the beginning, which nobody reads.
    Streams,
    /// 32 uploads of files that drip.
    Uploads,
    /// A component that takes a compiler hours.
    Bomb,
    /// 16 webhooks at once, which nobody signed, on a channel whose connector spins at each.
    Spins,
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Silent, Self::Drips, Self::Streams, Self::Uploads, Self::Bomb, Self::Spins];

    /// As it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Drips => "drips",
            Self::Streams => "streams",
            Self::Uploads => "uploads",
            Self::Bomb => "bomb",
            Self::Spins => "spins",
        }
    }

    fn clients(self) -> usize {
        match self {
            Self::Silent => 4_100,
            Self::Drips => 40,
            Self::Streams => 64,
            Self::Uploads => 32,
            Self::Bomb => 1,
            Self::Spins => 16,
        }
    }
}

/// Attackers that run.
pub struct Attackers {
    runtime: Option<Runtime>,
    attack: Attack,
    /// Clients that have begun.
    begun: watch::Receiver<usize>,
    /// How often a client was closed or answered and began anew.
    again: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Shared {
    address: String,
    base: String,
    /// The key of who attacks, where one is needed.
    key: String,
    begun: Arc<watch::Sender<usize>>,
    again: Arc<AtomicUsize>,
}

/// Starts them.
pub fn start(attack: Attack, host: &Host, agent: &str) -> Result<Attackers> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let base = host.api.base().to_owned();
    let address = base.strip_prefix("http://").context("plain HTTP")?.to_owned();
    let (sender, begun) = watch::channel(0);
    let again = Arc::<AtomicUsize>::default();
    // Components are brought by operators; their files come from anybody.
    let key = if attack == Attack::Bomb { host.key.clone() } else { agent.to_owned() };
    let shared = Shared { address, base, key, begun: Arc::new(sender), again: Arc::clone(&again) };
    for _ in 0..attack.clients() {
        runtime.spawn(client(attack, shared.clone()));
    }
    Ok(Attackers { runtime: Some(runtime), attack, begun, again })
}

impl Attackers {
    /// Returns when all have begun.
    pub async fn begun(&self) -> Result<()> {
        let (mut begun, all) = (self.begun.clone(), self.attack.clients());
        let waited = tokio::time::timeout(Duration::from_secs(60), begun.wait_for(|begun| *begun >= all)).await;
        let seen = *self.begun.borrow();
        ensure!(matches!(waited, Ok(Ok(_))), "{seen} of {all} began; `ulimit -n` has to be larger than 8,192");
        Ok(())
    }

    /// Ends them. What they came to, in words.
    pub fn end(mut self) -> String {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        format!("{} clients, {} times closed or answered", self.attack.clients(), self.again.load(Ordering::Relaxed))
    }
}

/// One bad client, which begins anew whenever the host is done with it.
async fn client(attack: Attack, shared: Shared) {
    let mut first = true;
    loop {
        let mut begun = || {
            if std::mem::take(&mut first) {
                shared.begun.send_modify(|begun| *begun += 1);
            }
        };
        // However it ends, it begins anew.
        let _ = match attack {
            Attack::Silent => silent(&shared, &mut begun).await,
            Attack::Drips => drip(&shared, &mut begun).await,
            Attack::Streams => unread(&shared, &mut begun).await,
            Attack::Uploads => upload(&shared, &mut begun).await,
            Attack::Bomb => explode(&shared, &mut begun).await,
            Attack::Spins => spin(&shared, &mut begun).await,
        };
        shared.again.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn silent(shared: &Shared, begun: &mut impl FnMut()) -> Result<()> {
    let mut stream = TcpStream::connect(&shared.address).await?;
    begun();
    stream.read_u8().await?;
    Ok(())
}

/// Sends pieces of a body until there is an answer.
async fn pieces(mut stream: TcpStream, head: &str, piece: &[u8], begun: &mut impl FnMut()) -> Result<()> {
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(piece).await?;
    begun();
    loop {
        match tokio::time::timeout(Duration::from_millis(500), stream.read_u8()).await {
            Ok(answered) => return Ok(answered.map(drop)?),
            Err(_) => stream.write_all(piece).await?,
        }
    }
}

async fn drip(shared: &Shared, begun: &mut impl FnMut()) -> Result<()> {
    let stream = TcpStream::connect(&shared.address).await?;
    let head = format!("POST /hooks/{TELEGRAM} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
    pieces(stream, &head, b"1\r\n \r\n", begun).await
}

async fn upload(shared: &Shared, begun: &mut impl FnMut()) -> Result<()> {
    let stream = TcpStream::connect(&shared.address).await?;
    let key = &shared.key;
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: 52428800\r\n\r\n"
    );
    pieces(stream, &head, &[b'x'; 1024], begun).await
}

async fn unread(shared: &Shared, begun: &mut impl FnMut()) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    // What the kernel takes for the client is no work of the host.
    socket.set_recv_buffer_size(4 << 10)?;
    let mut stream = socket.connect(shared.address.parse()?).await?;
    let key = &shared.key;
    let head = format!("GET /v1/events?after=0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    begun();
    // Not a byte is read. The host has to find that out.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    drop(stream);
    Ok(())
}

async fn spin(shared: &Shared, begun: &mut impl FnMut()) -> Result<()> {
    let open = Client::new(&shared.base, None);
    begun();
    open.send(Method::POST, &format!("/hooks/{SPINNING}"), &[], "{}").await?;
    Ok(())
}

async fn explode(shared: &Shared, begun: &mut impl FnMut()) -> Result<()> {
    let api = Client::new(&shared.base, Some(&shared.key));
    let component = bomb::component(shared.again.load(Ordering::Relaxed))?;
    begun();
    let path = "/v1/connectors/bomb/generations";
    api.send(Method::POST, path, &[("content-type", "application/wasm")], component).await?;
    Ok(())
}
