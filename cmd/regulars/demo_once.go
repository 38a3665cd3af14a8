package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// askAndTell checks that a filter, an event and an audience do what they are for,
// and prints the answers.
func (g *global) askAndTell(ctx context.Context, base, user string) error {
	path := "/v1/users/" + url.PathEscape(user) + "/recommendations?k=5"
	first, err := g.firstItem(ctx, http.MethodGet, base+path, "")
	if err != nil {
		return err
	}
	if err := g.without(ctx, first, http.MethodGet, base+path+"&filter="+url.QueryEscape(fmt.Sprintf("item.id != %q", first)), ""); err != nil {
		return fmt.Errorf("the filter: %w", err)
	}
	const visitor = `{"session_id":"demo","k":5}`
	if first, err = g.firstItem(ctx, http.MethodPost, base+"/v1/recommendations", visitor); err != nil {
		return err
	}
	event, err := json.Marshal(map[string]string{"type": "purchase", "session_id": "demo", "item_id": first})
	if err != nil {
		return err
	}
	if _, err := g.exchange(ctx, http.MethodPost, base+"/v1/events", string(event)); err != nil {
		return err
	}
	if err := g.without(ctx, first, http.MethodPost, base+"/v1/recommendations", visitor); err != nil {
		return fmt.Errorf("the purchase: %w", err)
	}
	_, err = g.exchange(ctx, http.MethodGet, base+"/v1/audiences?count=true&filter="+url.QueryEscape("score.churn > 0.5"), "")
	return err
}

// without asks for a list that must hold something, and not the item.
func (g *global) without(ctx context.Context, item, method, address, body string) error {
	items, err := g.list(ctx, method, address, body)
	if err != nil {
		return err
	}
	if slices.Contains(items, item) {
		return fmt.Errorf("item %s is on the next list all the same", item)
	}
	return nil
}

func (g *global) firstItem(ctx context.Context, method, address, body string) (string, error) {
	items, err := g.list(ctx, method, address, body)
	if err != nil {
		return "", err
	}
	return items[0], nil
}

// list asks for a list and returns its items, of which there must be some.
func (g *global) list(ctx context.Context, method, address, body string) ([]string, error) {
	text, err := g.exchange(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Items []struct {
			ID string `json:"item_id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, address, err)
	}
	if len(answer.Items) == 0 {
		return nil, fmt.Errorf("%s %s: the list is empty", method, address)
	}
	ids := make([]string, len(answer.Items))
	for i, it := range answer.Items {
		ids[i] = it.ID
	}
	return ids, nil
}

// exchange asks, wants an answer of 2xx, and prints both.
func (g *global) exchange(ctx context.Context, method, address, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: status %d: %s", method, address, resp.StatusCode, text)
	}
	_, err = fmt.Fprintln(g.stdout, strings.TrimSpace(method+" "+req.URL.RequestURI()+" "+body)+"\n"+string(text))
	return text, err
}
