//! What was signed: for every attestation of a lineage and every field that carries trust, one forgery and the code that stops it.
