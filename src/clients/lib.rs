//! Thin clients of the outside world: GitHub, git, Helm, registry, Sigstore.
