//! The policy, `.github/chartrel.yaml` at the tip of `main`.
