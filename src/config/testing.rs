//! A process environment for tests.

use figment::Jail;

use crate::config::{Config, ConfigError};

/// Loads the configuration where these are the only variables, in an empty working directory.
#[expect(clippy::result_large_err, reason = "figment's Jail asks for its own error")]
pub fn with_environment(variables: &[(&str, &str)], check: impl Fn(Result<Config, ConfigError>)) {
    Jail::expect_with(|jail| {
        jail.clear_env();
        for (name, value) in variables {
            jail.set_env(name, value);
        }
        check(Config::load(None));
        Ok(())
    });
}
