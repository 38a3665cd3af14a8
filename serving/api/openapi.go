package api

import (
	_ "embed" // the description
	"net/http"

	"github.com/gin-gonic/gin"
)

// description is the API in the words of OpenAPI 3.1.
//
//go:embed openapi.yaml
var description []byte

// describe serves the description; its ETag is that of the text.
func describe() func(c *gin.Context) error {
	tag := etag(description)
	return func(c *gin.Context) error {
		if _, err := query(c.Request.URL.RawQuery); err != nil {
			return err
		}
		h := c.Writer.Header()
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if matches(c.Request.Header.Values("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			return nil
		}
		c.Data(http.StatusOK, "application/yaml", description)
		return nil
	}
}
