//! Reading a webhook request.

use crate::Request;

impl Request {
    /// The first header of this name, which is written in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|header| header.name == name).map(|header| header.value.as_slice())
    }

    /// The first header of this name, if it is UTF-8.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The query of the public URL, without `?`; empty if there is none.
    #[must_use]
    pub fn query_string(&self) -> &str {
        let url = self.url.split_once('#').map_or(self.url.as_str(), |(url, _)| url);
        url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first value of a query parameter, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query_string().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into())
    }

    /// The fields of an `application/x-www-form-urlencoded` body, decoded, in order.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Request;
    use crate::testing;

    fn request(url: &str) -> Request {
        Request { url: url.into(), ..testing::get("/") }
    }

    #[test]
    fn a_query_parameter_is_decoded_and_the_first_one_counts() {
        let request = request("https://desk.example/hooks/x?hub.mode=sub%20scribe&a=1&a=2#hub.mode=other");
        assert_eq!(request.query("hub.mode").as_deref(), Some("sub scribe"));
        assert_eq!(request.query("a").as_deref(), Some("1"));
        assert_eq!(request.query("b"), None);
    }

    #[test]
    fn a_url_without_a_query_has_no_parameters() {
        assert_eq!(request("https://desk.example/hooks/x").query_string(), "");
    }
}
