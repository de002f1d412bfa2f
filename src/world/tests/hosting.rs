//! Static hosting of a folder.

#![allow(clippy::unwrap_used)]

use chartrel_world::hosting::{Hosting, folder};

#[tokio::test]
async fn a_folder_is_served_as_it_is_now_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("site");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(dir.path().join("secret"), "x").unwrap();
    let hosting = Hosting::start(folder(root.clone())).await.unwrap();
    std::fs::write(root.join("index.yaml"), "apiVersion: v1\n").unwrap();
    std::fs::write(root.join("nginx-1.0.0+b.tgz"), "package").unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (path, status, content_type) in [
        ("/index.yaml", 200, Some("text/yaml; charset=utf-8")),
        ("/index.yaml?v=1", 200, Some("text/yaml; charset=utf-8")),
        ("/nginx-1.0.0+b.tgz", 200, Some("application/gzip")),
        ("/nginx-1.0.0%2Bb.tgz", 200, Some("application/gzip")),
        ("/none.tgz", 404, None),
        ("/%2e%2e/secret", 404, None),
        ("/", 404, None),
    ] {
        let answer = http.get(hosting.url() + path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let label = answer.headers().get("content-type").map(|label| label.to_str().unwrap().to_owned());
        assert_eq!(label.as_deref(), content_type, "{path}");
    }
}
