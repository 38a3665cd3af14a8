package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"regulars/serving/placement"
)

// described is the description as tests read it: closed, so that a field of an
// answer that nobody has described is found. The file itself leaves answers open.
var described = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err == nil {
		err = doc.WalkSchemas(closeObject)
	}
	for _, rows := range []string{"application/x-ndjson", "application/vnd.apache.parquet"} {
		openapi3filter.RegisterBodyDecoder(rows, openapi3filter.FileBodyDecoder)
	}
	if err != nil {
		panic(fmt.Sprintf("openapi.yaml: %v", err))
	}
	return doc
})

func closeObject(_ string, ref *openapi3.SchemaRef) error {
	s, no := ref.Value, false
	if s.Type.Is("object") && len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		s.AdditionalProperties.Has = &no
	}
	return nil
}

// exchange is a request with its body, and what was answered.
type exchange struct {
	request *http.Request
	sent    []byte
	answer  *httptest.ResponseRecorder
}

// kept asks a handler and panics if the answer is not what the description
// promises: all tests ask through here, so that none can forget to check.
func kept(h http.Handler, r *http.Request, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if err := (exchange{r, []byte(body), w}).check(); err != nil {
		panic(fmt.Sprintf("%s %.200s with %.200q was answered %d %.300s: the description says otherwise: %v", r.Method, r.URL, body, w.Code, w.Body, err))
	}
	return w
}

// check compares an exchange with the description. A request that it does not
// allow must be refused; an answer must be one that it names.
func (x exchange) check() error {
	operation, err := x.operation()
	if operation == nil {
		return cmp.Or(err, x.checkUndescribed())
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true}
	input := *operation
	input.Request, input.Options = x.request.Clone(context.Background()), options
	input.Request.Body = io.NopCloser(bytes.NewReader(x.taken(operation.Route.Operation)))
	if input.Request.Header.Get("Content-Type") == "" { // a body is read as JSON then
		input.Request.Header.Set("Content-Type", "application/json")
	}
	if refused := x.answer.Code >= 400; !refused {
		if err := allowed(&input); err != nil {
			return fmt.Errorf("the request is not allowed: %w", err)
		}
	}
	return openapi3filter.ValidateResponse(context.Background(), (&openapi3filter.ResponseValidationInput{RequestValidationInput: &input,
		Status: x.answer.Code, Header: x.answer.Header(), Options: options}).SetBodyBytes(x.answer.Body.Bytes()))
}

// taken is what was sent, less the rows that the answer says were rejected: they
// are not what the description allows, and need not be.
func (x exchange) taken(o *openapi3.Operation) []byte {
	var answer struct{ Rejected []struct{ Index int } }
	var sent map[string][]json.RawMessage
	if o.Extensions["x-rejects-rows-alone"] != true || json.Unmarshal(x.answer.Body.Bytes(), &answer) != nil || len(answer.Rejected) == 0 {
		return x.sent
	}
	if err := json.Unmarshal(x.sent, &sent); err != nil {
		return x.sent
	}
	for list, rows := range sent {
		for _, r := range slices.Backward(answer.Rejected) {
			rows = slices.Delete(rows, r.Index, r.Index+1)
		}
		sent[list] = rows
	}
	taken, err := json.Marshal(sent)
	if err != nil {
		panic(err)
	}
	return taken
}

// allowed is ValidateRequest, which lets unknown and repeated parameters pass.
func allowed(input *openapi3filter.RequestValidationInput) error {
	ignores := input.Route.Operation.Extensions["x-ignores-unknown-parameters"] == true
	for name, values := range input.Request.URL.Query() {
		if ignores {
			break
		}
		if input.Route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("unknown parameter %q", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("parameter %q is given %d times", name, len(values))
		}
	}
	return openapi3filter.ValidateRequest(context.Background(), input)
}

// checkUndescribed: outside the described routes there are only problems.
func (x exchange) checkUndescribed() error {
	if x.answer.Code < 400 || x.answer.Code == http.StatusInternalServerError {
		return nil // a route of a test; TestEveryRouteIsDescribed sees to ours
	}
	if ct := x.answer.Header().Get("Content-Type"); ct != "application/problem+json" {
		return fmt.Errorf("the content type is %q", ct)
	}
	return nil
}

// operation finds what a request asks for, as a router would; nil: nothing described.
func (x exchange) operation() (*openapi3filter.RequestValidationInput, error) {
	method := x.request.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	doc := described()
	segments := strings.Split(x.request.URL.EscapedPath(), "/")
	for path, item := range doc.Paths.Map() {
		params, ok := pathParams(strings.Split(path, "/"), segments)
		if operation := item.GetOperation(method); ok && operation != nil {
			return &openapi3filter.RequestValidationInput{PathParams: params,
				Route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: operation}}, nil
		}
	}
	return nil, nil
}

func pathParams(template, segments []string) (map[string]string, bool) {
	params := map[string]string{}
	if len(template) != len(segments) {
		return nil, false
	}
	for i, want := range template {
		if name, ok := strings.CutPrefix(want, "{"); ok {
			value, err := url.PathUnescape(segments[i])
			if err != nil {
				value = segments[i]
			}
			params[strings.TrimSuffix(name, "}")] = value
		} else if want != segments[i] {
			return nil, false
		}
	}
	return params, true
}

// routesDescribed are the operations of the description, as routes are registered.
func routesDescribed() map[route]*openapi3.Operation {
	out := map[route]*openapi3.Operation{}
	for path, item := range described().Paths.Map() {
		for method, operation := range item.Operations() {
			out[route{method, strings.NewReplacer("{", ":", "}", "").Replace(path)}] = operation
		}
	}
	return out
}

func TestDescriptionIsValid(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("it is of OpenAPI %s", doc.OpenAPI)
	}
}

// TestOperationsAreWhole: what a reader or a generator of clients needs.
func TestOperationsAreWhole(t *testing.T) {
	ids := map[string]bool{}
	known := func(tag string) bool { return described().Tags.Get(tag) != nil }
	for r, o := range routesDescribed() {
		name := r.method + " " + r.path
		if o.OperationID == "" || ids[o.OperationID] {
			t.Errorf("%s: operationId %q is missing or given twice", name, o.OperationID)
		}
		ids[o.OperationID] = true
		if o.Summary == "" || strings.HasSuffix(o.Summary, ".") {
			t.Errorf("%s: summary %q", name, o.Summary)
		}
		if len(o.Tags) == 0 || slices.ContainsFunc(o.Tags, func(tag string) bool { return !known(tag) }) {
			t.Errorf("%s: tags %q", name, o.Tags)
		}
		for _, err := range []error{checkResponses(r, o), checkSecurity(r, o), checkParameters(o)} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// checkResponses: keys are refused where they are asked for, bodies may be too
// large, and every error is a problem.
func checkResponses(r route, o *openapi3.Operation) error {
	want := []string{}
	if !slices.Contains(mayAsk[r], anybody) {
		want = append(want, "401", "403", "429")
	}
	if o.RequestBody != nil {
		want = append(want, "400", "413")
	}
	fourXX := false
	for status, response := range o.Responses.Map() {
		fourXX = fourXX || status[0] == '4'
		if response.Value.Headers["X-Request-Id"] == nil {
			return fmt.Errorf("its answer %s lacks the header X-Request-Id", status)
		}
		if status[0] >= '4' && response.Value.Content["application/problem+json"] == nil {
			return fmt.Errorf("its answer %s is no problem", status)
		}
	}
	for _, status := range want {
		if o.Responses.Value(status) == nil {
			return fmt.Errorf("no answer %s", status)
		}
	}
	if !fourXX {
		return errors.New("no answer for a request that is refused")
	}
	return nil
}

// checkSecurity: routes that are open say so, and no other is.
func checkSecurity(r route, o *openapi3.Operation) error {
	open := o.Security != nil && len(*o.Security) == 0
	if want := slices.Contains(mayAsk[r], anybody); open != want {
		return fmt.Errorf("open is %v, and mayAsk says %v", open, want)
	}
	return nil
}

func checkParameters(o *openapi3.Operation) error {
	for _, p := range o.Parameters {
		if p.Value.Description == "" {
			return fmt.Errorf("parameter %q is not described", p.Value.Name)
		}
	}
	return nil
}

// TestContractIsNoticed: answers that break the promises are found, each for
// its own reason.
func TestContractIsNoticed(t *testing.T) {
	list := `{"items":[{"item_id":"a","score":1,"strategy":"popular","reason":"r"}],"as_of":"2011-12-08T00:00:00Z","model_version":"v"}`
	for name, c := range map[string]struct {
		target, sent string
		status       int
		body         string
		headers      []string
		broken       bool
	}{
		"as described":         {target: "/v1/popular?k=3", status: 200, body: list},
		"unknown field":        {target: "/v1/popular", status: 200, body: strings.Replace(list, `"as_of"`, `"extra":1,"as_of"`, 1), broken: true},
		"unknown field within": {target: "/v1/popular", status: 200, body: strings.Replace(list, `"score"`, `"extra":1,"score"`, 1), broken: true},
		"missing field":        {target: "/v1/popular", status: 200, body: `{"items":[],"model_version":"v"}`, broken: true},
		"other type":           {target: "/v1/popular", status: 200, body: strings.Replace(list, `"score":1`, `"score":"1"`, 1), broken: true},
		"no time":              {target: "/v1/popular", status: 200, body: strings.Replace(list, "T00:00:00Z", "", 1), broken: true},
		"other status":         {target: "/v1/popular", status: 418, body: `{}`, broken: true},
		"other content":        {target: "/v1/popular", status: 200, body: list, headers: []string{"Content-Type", "text/html"}, broken: true},
		"no request id":        {target: "/v1/popular", status: 200, body: list, headers: []string{"X-Request-Id", ""}, broken: true},
		"bad k taken":          {target: "/v1/popular?k=0", status: 200, body: list, broken: true},
		"unknown query taken":  {target: "/v1/popular?q=0", status: 200, body: list, broken: true},
		"query twice taken":    {target: "/v1/popular?k=1&k=2", status: 200, body: list, broken: true},
		"long id taken":        {target: "/v1/items/" + strings.Repeat("x", 513) + "/similar", status: 200, body: list, broken: true},
		"bad body taken":       {target: "/v1/recommendations", sent: `{"users":[]}`, status: 200, body: list, broken: true},
		"body":                 {target: "/v1/recommendations", sent: `{"items":["a"],"users":null,"k":null}`, status: 200, body: list},
		"null":                 {target: "/v1/users/a/scores", status: 200, body: `{"user_id":"a","churn":null,"as_of":"2011-12-08T00:00:00Z","model_version":"v"}`},
		"no null":              {target: "/v1/users/a/scores", status: 200, body: `{"user_id":null,"churn":null,"as_of":"2011-12-08T00:00:00Z","model_version":"v"}`, broken: true},
		"bad request refused":  {target: "/v1/popular?k=0", status: 400, body: `{"type":"about:blank","title":"Bad Request","status":400}`, headers: []string{"Content-Type", "application/problem+json"}},
		"no problem":           {target: "/v1/popular?k=0", status: 400, body: `{}`, headers: []string{"Content-Type", "application/json"}, broken: true},
	} {
		method := http.MethodGet
		if c.sent != "" {
			method = http.MethodPost
		}
		r := httptest.NewRequest(method, c.target, strings.NewReader(c.sent))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		for _, set := range [][]string{{"Content-Type", "application/json", "X-Request-Id", "ID", "ETag", `"x"`}, c.headers} {
			for i := 0; i+1 < len(set); i += 2 {
				w.Header().Set(set[i], set[i+1])
			}
		}
		w.Code = c.status
		w.Body.WriteString(c.body)
		if err := (exchange{r, []byte(c.sent), w}).check(); (err != nil) != c.broken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDefaultsMayBeSent: clients that are generated from the description send its
// defaults along, which must say what leaving them out says.
func TestDefaultsMayBeSent(t *testing.T) {
	h := New(Options{Store: loaded(t, 5), Intake: intake(t), NewID: fixedID, Placements: placements(t, placement.Definition{Name: "home", K: 2})})
	schemas := described().Components.Schemas
	for _, c := range []struct{ method, path, schema, least string }{
		{"POST", "/v1/events", "Event", `{"event_id":"e","type":"view","session_id":"s"}`},
		{"POST", "/v1/contacts", "Contact", `{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a"}`},
		{"POST", "/v1/items/update", "ItemUpdate", `{"item_id":"85120001","in_stock":true}`},
		{"POST", "/v1/recommendations", "RecommendationsAsked", `{"session_id":"s","placement":"home"}`},
		{"GET", "/v1/users/17850/recommendations", "", `{"placement":"home"}`},
	} {
		var least map[string]any
		if err := json.Unmarshal([]byte(c.least), &least); err != nil {
			t.Fatal(err)
		}
		most, parameters := maps.Clone(least), url.Values{}
		if c.schema != "" {
			for name, s := range schemas[c.schema].Value.Properties {
				if s.Value.Default != nil {
					most[name] = s.Value.Default
				}
			}
		} else {
			parameters.Set("placement", "home")
			for _, p := range described().Paths.Value("/v1/users/{id}/recommendations").Get.Parameters {
				if d := p.Value.Schema.Value.Default; d != nil {
					parameters.Set(p.Value.Name, fmt.Sprint(d))
				}
			}
		}
		body, err := json.Marshal(most)
		if err != nil {
			t.Fatal(err)
		}
		w := send(h, c.method, c.path+"?"+parameters.Encode(), string(body))
		if w.Code >= 300 || strings.HasSuffix(c.path, "recommendations") && strings.Count(w.Body.String(), `"item_id"`) != 2 {
			t.Errorf("%s %s?%s %s: %d %s", c.method, c.path, parameters.Encode(), body, w.Code, w.Body)
		}
	}
}
