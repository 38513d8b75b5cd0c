//! Files: each under the sum of its content, written once and never changed.
//!
//! They are beside the journal, not in it: a fact names a file by its sum, and is appended when the file is on stable storage. They lie
//! in an [`ObjectStore`], which is a local folder for now; several hosts would share one of the others.
//!
//! Files never take the last of a disk: below a reserve of free space they are refused, so that the journal goes on.

use std::collections::BTreeSet;
use std::io;
use std::path::Path as FilePath;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use futures_util::TryStreamExt;
use futures_util::stream;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use ring::digest;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::RwLock;
use tokio_util::io::StreamReader;

use crate::disk::{Disk, Reserve};

/// Where files are that have no name yet.
const DRAFTS: &str = "drafts";

/// Where it is noted which files clients brought, and how large they are: empty files named `SUM-BYTES`.
const BROUGHT: &str = "brought";

/// Bytes of a draft that are in memory before they are written; the least that object stores take as a piece.
const PIECE: usize = 5 << 20;

/// Pieces of a draft that are on their way at once.
const PIECES: usize = 1;

/// How many bytes of a draft may come before the free space is looked at again.
const SPACE_CHECK: u64 = 1 << 20;

/// The files of a workspace. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: Arc<FilePath>,
    space: Reserve,
    /// Held for reading while a file gets its name, and for writing while one is removed.
    names: Arc<RwLock<()>>,
    /// See [`Blobs::take_given_back`].
    given_back: Arc<AtomicU64>,
}

/// What a removal of files came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
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
    /// New files are refused while less than `reserve_bytes` are free, by what `disk` says.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn local(folder: &FilePath, disk: Arc<dyn Disk>, reserve_bytes: u64) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let drafts = folder.join(DRAFTS);
        match std::fs::remove_dir_all(&drafts) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&drafts)?;
        remove_notes_of_nothing(folder)?;
        // Without the syncs a file could be gone after a power loss that a fact says is kept.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        let space = Reserve::new(disk, folder, reserve_bytes);
        Ok(Self {
            store: Arc::new(store),
            folder: Arc::from(folder),
            space,
            names: Arc::default(),
            given_back: Arc::default(),
        })
    }

    /// The free space that is left to the journal, also by whatever else is kept on its disk.
    #[must_use]
    pub fn reserve(&self) -> &Reserve {
        &self.space
    }

    /// A file in the making.
    ///
    /// # Errors
    /// When there is too little space ([`io::ErrorKind::StorageFull`]), or the system gives no random numbers.
    pub fn draft(&self) -> io::Result<BlobDraft> {
        self.space.check(0)?;
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let path = Path::from(format!("{DRAFTS}/{}", HEXLOWER.encode(&name)));
        let writer =
            BufWriter::with_capacity(Arc::clone(&self.store), path.clone(), PIECE).with_max_concurrency(PIECES);
        let sum = digest::Context::new(&digest::SHA256);
        Ok(BlobDraft { blobs: self.clone(), path, writer, sum, size: 0, checked: 0 })
    }

    /// Removes the files that nothing refers to and that are at least `age` old: a younger one may wait for the fact that names it. Whoever
    /// appends such a fact has made the file young by [`renew`](Self::renew), or keeps it just now.
    ///
    /// # Errors
    /// When the store fails. Some may have been removed then.
    pub async fn retain(&self, referenced: &BTreeSet<String>, age: Duration) -> io::Result<Removed> {
        self.remove(|sum| (!referenced.contains(sum)).then_some(age)).await
    }

    /// Removes each of these files, which nothing refers to any more, unless it is younger than `age`, or a client brought it: that one is
    /// left to [`retain`](Self::retain), since the client may be about to send it.
    ///
    /// # Errors
    /// When the store fails. Some may have been removed then.
    pub async fn remove_fetched(&self, sums: &BTreeSet<String>, age: Duration) -> io::Result<Removed> {
        let notes: Vec<_> = self.store.list(Some(&Path::from(BROUGHT))).try_collect().await?;
        let sum_of = |note: &ObjectMeta| Some(note.location.filename()?.split_once('-')?.0.to_owned());
        let brought: BTreeSet<String> = notes.iter().filter_map(sum_of).collect();
        self.remove(|sum| (sums.contains(sum) && !brought.contains(sum)).then_some(age)).await
    }

    /// Removes the files for which `least` gives an age and that are at least so old.
    async fn remove(&self, least: impl Fn(&str) -> Option<Duration>) -> io::Result<Removed> {
        let mut removed = Removed::default();
        let mut files = self.store.list(None);
        while let Some(file) = files.try_next().await? {
            let sum = file.location.as_ref();
            let Some(age) = path(sum).and_then(|_| least(sum)) else { continue };
            if !is_older(&file, age) {
                continue;
            }
            let _names = self.names.write().await;
            // The same content may have come once more since the list was made.
            match self.store.head(&file.location).await {
                Ok(now) if is_older(&now, age) => {}
                Ok(_) | Err(object_store::Error::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
            self.store.delete(&file.location).await?;
            match self.store.delete(&note_of(sum, file.size)).await {
                Ok(()) => {
                    self.given_back.fetch_add(file.size, Ordering::Relaxed);
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            removed.files += 1;
            removed.bytes += file.size;
        }
        Ok(removed)
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

    /// The file with a sum, none if it is not here, for somebody who is about to append a fact that names it: it counts as stored just
    /// now, so that it is not removed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew(&self, sha256: &str) -> io::Result<Option<Blob>> {
        let _names = self.names.read().await;
        let found = self.find(sha256).await?;
        if found.is_some() {
            let file = self.folder.join(sha256);
            let touch = move || std::fs::File::options().append(true).open(file)?.set_modified(SystemTime::now());
            tokio::task::spawn_blocking(touch).await.map_err(io::Error::other)??;
        }
        Ok(found)
    }

    /// Notes that a client brought a file. False if that was noted before.
    async fn note_brought(&self, blob: &Blob) -> io::Result<bool> {
        let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&note_of(&blob.sha256, blob.size), Vec::new().into(), once).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a draft that is whole its name. The same content may be there already; it is replaced by itself.
    async fn name(&self, draft: &Path, blob: &Blob) -> io::Result<()> {
        Ok(self.store.rename(draft, &Path::from(blob.sha256.as_str())).await?)
    }

    /// Bytes of files that clients brought and that were removed since this was asked last.
    #[must_use]
    pub fn take_given_back(&self) -> u64 {
        self.given_back.swap(0, Ordering::Relaxed)
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

/// Whether a file was stored so long ago. One from the future is not.
fn is_older(file: &ObjectMeta, age: Duration) -> bool {
    SystemTime::now().duration_since(SystemTime::from(file.last_modified)).is_ok_and(|old| old >= age)
}

/// The note that a client brought a file.
fn note_of(sha256: &str, size: u64) -> Path {
    Path::from(format!("{BROUGHT}/{sha256}-{size}"))
}

/// Removes the notes of files that are not here: a crash came between the note and its file, or the other way round at their removal.
fn remove_notes_of_nothing(folder: &FilePath) -> io::Result<()> {
    let notes = match std::fs::read_dir(folder.join(BROUGHT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        notes => notes?,
    };
    for note in notes {
        let note = note?;
        let name = note.file_name();
        let sum = name.to_str().and_then(|name| Some(name.split_once('-')?.0));
        if sum.is_some_and(|sum| !folder.join(sum).exists()) {
            std::fs::remove_file(note.path())?;
        }
    }
    Ok(())
}

/// The place of a file; none if the text is no sum, so that a name leads nowhere else.
fn path(sha256: &str) -> Option<Path> {
    let is_sum = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_sum.then(|| Path::from(sha256))
}

/// A file in the making. It has no name before it has its sum; dropped, it leaves nothing behind.
pub struct BlobDraft {
    blobs: Blobs,
    path: Path,
    writer: BufWriter,
    sum: digest::Context,
    size: u64,
    /// Its size when the free space was looked at last.
    checked: u64,
}

impl BlobDraft {
    /// Keeps the file; returns when it is on stable storage under its sum.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn keep(mut self) -> io::Result<Blob> {
        self.writer.shutdown().await?;
        let (blobs, path, blob) = self.ended();
        let _names = blobs.names.read().await;
        blobs.name(&path, &blob).await?;
        Ok(blob)
    }

    /// As [`keep`](Self::keep), for a file that a client brought, which is noted before it is there: no file of a client is uncounted.
    /// Whether it was not noted before. The caller sees this future to its end.
    ///
    /// # Errors
    /// When it cannot be stored. It is not noted then.
    pub async fn keep_brought(mut self) -> io::Result<(Blob, bool)> {
        self.writer.shutdown().await?;
        let (blobs, path, blob) = self.ended();
        let _names = blobs.names.read().await;
        let is_new = blobs.note_brought(&blob).await?;
        if let Err(error) = blobs.name(&path, &blob).await {
            if is_new {
                blobs.store.delete(&note_of(&blob.sha256, blob.size)).await?;
            }
            return Err(error);
        }
        Ok((blob, is_new))
    }

    /// What is known of a file once all of it is written.
    fn ended(self) -> (Blobs, Path, Blob) {
        let sha256 = HEXLOWER.encode(self.sum.finish().as_ref());
        (self.blobs, self.path, Blob { sha256, size: self.size })
    }
}

impl AsyncWrite for BlobDraft {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.size - self.checked >= SPACE_CHECK {
            self.blobs.space.check(0)?;
            self.checked = self.size;
        }
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
