//! Lists, a page at a time.

use serde::{Deserialize, Serialize};

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many, 1 to 200; 50 when not given.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl PageParams {
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(50).clamp(1, 200)
    }
}

/// Part of a list, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give this as `after` to get the next page; null on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of what was found; a full page is taken to have a next one.
    pub fn new(items: Vec<T>, params: &PageParams, id: impl Fn(&T) -> String) -> Self {
        let full = items.len() >= params.limit() as usize;
        let next = items.last().filter(|_| full).map(id);
        Self { items, next }
    }
}
