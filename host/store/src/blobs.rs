//! Files: each under the sum of its content, written once and never changed.
//!
//! They are beside the journal, not in it: a fact names a file by its sum, and is appended when the file is on stable storage. They lie
//! in an [`ObjectStore`], which is a local folder for now; several hosts would share one of the others.

use std::io;
use std::path::Path as FilePath;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use data_encoding::HEXLOWER;
use futures_util::TryStreamExt;
use futures_util::stream;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use ring::digest;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::StreamReader;

/// Where files are that have no name yet.
const DRAFTS: &str = "drafts";

/// Where it is noted which files clients brought, and how large they are: empty files named `SUM-BYTES`.
const BROUGHT: &str = "brought";

/// Bytes of a draft that are in memory before they are written; the least that object stores take as a piece.
const PIECE: usize = 5 << 20;

/// Pieces of a draft that are on their way at once.
const PIECES: usize = 1;

/// The files of a workspace. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The sum of its content, 64 hexadecimal digits. Its name.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl Blobs {
    /// The files in a folder, which is made if it is not there, and which nobody else has open. What a crash left unfinished is removed.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn local(folder: &FilePath) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let drafts = folder.join(DRAFTS);
        match std::fs::remove_dir_all(&drafts) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&drafts)?;
        // Without the syncs a file could be gone after a power loss that a fact says is kept.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    /// A file in the making.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn draft(&self) -> io::Result<BlobDraft> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let path = Path::from(format!("{DRAFTS}/{}", HEXLOWER.encode(&name)));
        let writer =
            BufWriter::with_capacity(Arc::clone(&self.store), path.clone(), PIECE).with_max_concurrency(PIECES);
        let sum = digest::Context::new(&digest::SHA256);
        Ok(BlobDraft { store: Arc::clone(&self.store), path, writer, sum, size: 0 })
    }

    /// The file with a sum; none if it is not here.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, sha256: &str) -> io::Result<Option<Blob>> {
        let Some(path) = path(sha256) else { return Ok(None) };
        match self.store.head(&path).await {
            Ok(found) => Ok(Some(Blob { sha256: sha256.to_owned(), size: found.size })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes that a client brought a file. False if that was noted before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_brought(&self, blob: &Blob) -> io::Result<bool> {
        let note = Path::from(format!("{BROUGHT}/{}-{}", blob.sha256, blob.size));
        let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&note, Vec::new().into(), once).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes of the files that clients brought. Looks at the name of each of them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn brought_bytes(&self) -> io::Result<u64> {
        let notes = self.store.list(Some(&Path::from(BROUGHT)));
        let size = |note: object_store::ObjectMeta| {
            note.location.filename().and_then(|name| name.split_once('-')?.1.parse::<u64>().ok()).unwrap_or_default()
        };
        let sum = notes.try_fold(0_u64, |sum, note| std::future::ready(Ok(sum.saturating_add(size(note))))).await;
        Ok(sum?)
    }

    /// Reads a file from byte `from` on. What goes wrong, that there is no such file for one, is told by the reader.
    #[must_use]
    pub fn read(&self, sha256: &str, from: u64) -> Pin<Box<dyn AsyncRead + Send>> {
        let (store, path) = (Arc::clone(&self.store), path(sha256));
        let pieces = async move {
            let path = path.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such file"))?;
            let options = GetOptions { range: Some(GetRange::Offset(from)), ..GetOptions::default() };
            let found = store.get_opts(&path, options).await?;
            Ok::<_, io::Error>(found.into_stream().map_err(io::Error::from))
        };
        Box::pin(StreamReader::new(Box::pin(stream::once(pieces).try_flatten())))
    }
}

/// The place of a file; none if the text is no sum, so that a name leads nowhere else.
fn path(sha256: &str) -> Option<Path> {
    let is_sum = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_sum.then(|| Path::from(sha256))
}

/// A file in the making. It has no name before it has its sum; dropped, it leaves nothing behind.
pub struct BlobDraft {
    store: Arc<dyn ObjectStore>,
    path: Path,
    writer: BufWriter,
    sum: digest::Context,
    size: u64,
}

impl BlobDraft {
    /// Keeps the file; returns when it is on stable storage under its sum.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn keep(mut self) -> io::Result<Blob> {
        self.writer.shutdown().await?;
        let blob = Blob { sha256: HEXLOWER.encode(self.sum.finish().as_ref()), size: self.size };
        // The same content may be there already; it is replaced by itself.
        self.store.rename(&self.path, &Path::from(blob.sha256.as_str())).await?;
        Ok(blob)
    }
}

impl AsyncWrite for BlobDraft {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.writer).poll_write(cx, bytes))?;
        self.sum.update(&bytes[..written]);
        self.size += u64::try_from(written).unwrap_or_default();
        Poll::Ready(Ok(written))
    }

    /// Nothing is stored before [`BlobDraft::keep`].
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
