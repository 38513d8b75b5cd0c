//! From a provider into the host's store.

use jackfield_core::event::{Media, Problem};
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::{Fetched, failure, labels, refused};
use crate::bindings::exports::media as wit;
use crate::bindings::inward::media::{FileSource, Plan};
use crate::bindings::{outward, types};
use crate::channel::{Channel, there, unsupported};
use crate::connector::Exports;
use crate::egress::files::{self, Downloaded, FileRequest, TransferError, hexadecimal};
use crate::egress::record::Record;
use crate::failure::Failure;
use crate::report::Effects;
use crate::report::bytes;
use crate::run::call::{Call, Entry, enter, place};
use crate::run::error::CallError;
use crate::run::guest::Guest;

impl Channel {
    /// Fetches the file of an attachment and writes it to `sink`, piece by piece. `media` is as the connector told it. A connector
    /// without the interface `media` has its files at the attachment's URL.
    ///
    /// The file has at most `limits.media_bytes` and takes at most `limits.media_wall`; it is of the size and the sum that the connector
    /// told, where it did. What a failed call wrote to the sink is worth nothing.
    ///
    /// # Errors
    ///
    /// When the call came to nothing. Everything that the provider or the network did wrong is a [`Failure`]: `rejected` when the
    /// file will never be had.
    pub async fn fetch_media<W>(&self, media: Media, sink: &mut W) -> Result<Call<Fetched>, CallError>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        let _place = place(&self.bound.media_places, &self.bound.limits).await?;
        let Call { result, mut effects } = self.plan(&media).await?;
        let record = Record::default();
        let result = match result {
            Ok(plan) => self.carry_out(plan, &media, &record, sink).await,
            Err(failure) => Err(failure),
        };
        record.add_to(&mut effects.usage);
        if result.is_err() {
            effects.state.clear();
        }
        Ok(Call { result, effects })
    }

    /// Where the connector says that the file is.
    async fn plan(&self, media: &Media) -> Result<Call<Plan>, CallError> {
        if self.connector.exports.media.is_some() {
            let raw = enter(&self.connector, &self.bound, &self.instances, true, Fetch(outward::media(media.clone())))
                .await?;
            return self.settle(raw, |intake, file| intake.plan(file));
        }
        let Some(url) = &media.url else {
            return Ok(unsupported("This connector cannot fetch files, and the attachment has no URL."));
        };
        let result = FileRequest::new("GET", url, Vec::new()).map_err(|reason| {
            Failure::Rejected(Problem { message: format!("The attachment's URL is wrong: {reason}."), code: None })
        });
        Ok(Call { result: result.map(Plan::at), effects: Effects::default() })
    }

    async fn carry_out<W>(&self, plan: Plan, media: &Media, record: &Record, sink: &mut W) -> Result<Fetched, Failure>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        let limits = &self.bound.limits;
        let expected = [plan.size, media.size].into_iter().flatten().next();
        if expected.is_some_and(|size| size > files::length(limits.media_bytes)) {
            return Err(failure(TransferError::TooLarge, &self.bound));
        }
        let (size, sha256, told) = match plan.whence {
            FileSource::Inline(content) => {
                if content.len() > limits.media_bytes {
                    return Err(failure(TransferError::TooLarge, &self.bound));
                }
                sink.write_all(&content).await.map_err(|e| failure(TransferError::Local(e), &self.bound))?;
                let mut sum = Context::new(&SHA256);
                sum.update(&content);
                (files::length(content.len()), hexadecimal(sum), None)
            }
            FileSource::At(wanted) => {
                let deadline = Instant::now() + limits.media_wall;
                match files::download(&self.bound, record, wanted, deadline, sink).await {
                    Ok(Downloaded::File { size, sha256, mime }) => (size, sha256, mime),
                    Ok(Downloaded::Status { status, retry_after }) => return Err(refused(status, retry_after)),
                    Err(trouble) => return Err(failure(trouble, &self.bound)),
                }
            }
            FileSource::Unknown(name) => {
                let message = format!("This host does not know where `{name}` is; use a newer Jackfield.");
                return Err(Failure::Unsupported(Problem { message, code: None }));
            }
        };
        sink.flush().await.map_err(|e| failure(TransferError::Local(e), &self.bound))?;
        // What the attachment said may be old; what the connector says now has to be so.
        if plan.size.is_some_and(|told| told != size)
            || plan.sha256.is_some_and(|told| !told.eq_ignore_ascii_case(&sha256))
        {
            let message = format!(
                "The file that came has {} and is not the one that the channel promised.",
                bytes(usize::try_from(size).unwrap_or(usize::MAX))
            );
            return Err(Failure::Retry { after_ms: None, problem: Problem { message, code: None } });
        }
        let mimes = [plan.mime.as_deref(), media.mime.as_deref(), told.as_deref()];
        let names = [plan.filename.as_deref(), media.filename.as_deref()];
        Ok(Fetched {
            mime: mimes.into_iter().flatten().find_map(labels::mime),
            filename: names.into_iter().flatten().find_map(labels::filename),
            size,
            sha256,
        })
    }
}

struct Fetch(types::Media);

impl Entry for Fetch {
    type Output = Result<wit::File, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        there(exports.media.as_ref())?.load(&mut *store, instance)?.call_fetch(&mut *store, &self.0).await
    }
}
