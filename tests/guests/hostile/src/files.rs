//! Attachments: whatever it is told to have the host do. A test writes its wishes as JSON, for a download into the attachment's caption,
//! for an upload into the idempotency key.

use jackfield_sdk::media::{Answer, Field, File, Files, Outgoing, Progress, Range, Request, Source, Transfer};
use jackfield_sdk::{Failure, Media, Property, http};
use serde::Deserialize;

use crate::Hostile;

/// What a test wants.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wish {
    method: Option<String>,
    url: String,
    headers: Vec<(String, String)>,
    /// For a download: ask this URL first for the real one.
    ask: Option<String>,
    inline: Option<String>,
    mime: Option<String>,
    filename: Option<String>,
    size: Option<u64>,
    sha256: Option<String>,
    /// For an upload: `form`, `bytes`, `pieces`, `endless`, `other`, `nothing`, `done`.
    how: String,
    context_bytes: usize,
}

fn wish(text: &str) -> Result<Wish, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::rejected(e.to_string()))
}

impl Wish {
    fn request(&self, url: String) -> Request {
        let method = self.method.clone().unwrap_or_else(|| "GET".to_owned());
        let request = Request { method, ..Request::get(url) };
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value.as_str()))
    }
}

impl Files for Hostile {
    fn fetch(media: Media) -> Result<File, Failure> {
        let wish = wish(media.caption.as_deref().unwrap_or("{}"))?;
        let url = match &wish.ask {
            Some(ask) => String::from_utf8(http::get(ask).send().map_err(|e| e.of_query())?.body).unwrap_or_default(),
            None => wish.url.clone(),
        };
        let mut file = File::download(wish.request(url));
        if let Some(inline) = wish.inline {
            file.source = Source::Inline(inline.into_bytes());
        }
        if wish.how == "other" {
            file.source = Source::Other(Property::text("ftp", "x"));
        }
        (file.mime, file.filename, file.size, file.sha256) = (wish.mime, wish.filename, wish.size, wish.sha256);
        Ok(file)
    }

    fn upload(_: Outgoing, idempotency_key: &str) -> Result<Progress, Failure> {
        next(idempotency_key, 0)
    }

    fn resume(file: Outgoing, answer: Answer) -> Result<Progress, Failure> {
        if !answer.is_success() {
            return Err(Failure::retry(format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body))));
        }
        let context = String::from_utf8_lossy(&answer.context);
        let (sent, key) = context.split_once('\n').unwrap_or_default();
        let sent = sent.parse::<u64>().unwrap_or(0);
        match wish(key)?.how.as_str() {
            "pieces" if sent < file.size => next(key, sent),
            "endless" => next(key, 0),
            _ => {
                let id = String::from_utf8_lossy(&answer.body).into_owned();
                Ok(Progress::Done(Media { id: Some(id), mime: Some(file.mime), ..Media::default() }))
            }
        }
    }
}

/// Bytes of a piece.
const PIECE: u64 = 1_000;

fn next(key: &str, sent: u64) -> Result<Progress, Failure> {
    let mut wish = wish(key)?;
    wish.method.get_or_insert_with(|| "POST".to_owned());
    let request = wish.request(wish.url.clone());
    let mut transfer = match wish.how.as_str() {
        "form" => Transfer::form(
            request,
            vec![Field::text("messaging_product", "whats\"app\r\n"), Field::file("file"), Field::text("last", "1")],
        ),
        "pieces" => Transfer { range: Some(Range { offset: sent, length: PIECE }), ..Transfer::bytes(request) },
        "other" => return Ok(Progress::Other(Property::text("torrent", "x"))),
        "nothing" => return Ok(Progress::Done(Media::default())),
        "done" => return Ok(Progress::Done(Media { id: Some("known".to_owned()), ..Media::default() })),
        _ => Transfer::bytes(request),
    };
    transfer.context = format!("{}\n{key}", sent + PIECE).into_bytes();
    if wish.context_bytes > 0 {
        transfer.context = vec![b'x'; wish.context_bytes];
    }
    Ok(Progress::Transfer(transfer))
}
