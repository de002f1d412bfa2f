//! The rehearsal world: GitHub, registry, Sigstore and static hosting on loopback.
