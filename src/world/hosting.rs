//! Static hosting: a Helm repository as GitHub Pages or a CDN serves it.

use crate::server::{Server, Socket};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use std::{fs, path::PathBuf, sync::Arc};

type Provider = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// A running host of files.
pub struct Hosting {
    url: String,
    _server: Server,
}

impl Hosting {
    /// Serves what the provider gives for a path without its first slash; it is asked at each request.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(provider: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> anyhow::Result<Self> {
        let socket = Socket::bind().await?;
        let url = socket.url();
        let provider: Provider = Arc::new(provider);
        let server = socket.serve(Router::new().fallback(get(file)).with_state(provider));
        Ok(Self { url, _server: server })
    }

    /// `http://127.0.0.1:<port>`, the Helm repository's URL, without a slash at the end.
    pub fn url(&self) -> String {
        self.url.clone()
    }
}

/// A provider that reads the files of a folder.
pub fn folder(root: PathBuf) -> impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static {
    move |path| fs::read(root.join(path)).ok()
}

async fn file(State(provider): State<Provider>, uri: Uri) -> Response {
    let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy();
    // A dot segment could leave a folder; no file of a repository has one.
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let found = is_plain.then(|| provider(&path)).flatten();
    match found {
        Some(bytes) => ([(header::CONTENT_TYPE, content_type(&path))], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// As GitHub Pages labels them.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "yaml" | "yml" => "text/yaml; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "tgz" | "gz" => "application/gzip",
        "html" => "text/html; charset=utf-8",
        "md" | "txt" | "prov" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
