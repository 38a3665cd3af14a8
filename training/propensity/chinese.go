package propensity

import (
	"fmt"
	"regexp"
	"strings"

	"regulars/training/page"
)

// notes are the sentences of Report.Notes and how a Chinese page says them.
var notes = []struct {
	english *regexp.Regexp
	chinese string
}{
	{regexp.MustCompile(`^columns that hold lists or groups, or nothing at all, are left out: (.*)$`), "略去列表、嵌套或全空的列：$1"},
	{regexp.MustCompile(`^columns of a single value are left out: (.*)$`), "略去只有一个取值的列：$1"},
	{regexp.MustCompile(`^columns that only name the row are left out: (.*)$`), "略去仅用于标识行的列：$1"},
	{regexp.MustCompile(`^of columns that differ in every row only whether there is a value is learned: (.*)$`), "以下列每行取值都不同，仅学习其是否有值：$1"},
	{regexp.MustCompile(`^(.*) orders the rows of train and is no feature$`), "$1 仅用于训练数据的时间排序，不作为特征"},
	{regexp.MustCompile(`^(.*): (\d+) of (\d+) rows of test have a category that train does not have$`), "$1：测试数据 $3 行中有 $2 行的取值未在训练数据中出现"},
	{regexp.MustCompile(`^train has too few rows of one class to hold some back \((\d+) of each are needed there\): .*$`), "训练数据中某一类的行太少，无法留出一部分（每类至少需要 $1 行），因此未做校准与提前停止"},
	{regexp.MustCompile(`^the (\d+) latest of (\d+) rows of train decide .*$`), "训练数据 $2 行中最近的 $1 行用于决定训练轮数和是否校准"},
	{regexp.MustCompile(`^(\d+) of (\d+) rows of train, drawn at random, decide .*$`), "从训练数据 $2 行中随机抽取的 $1 行用于决定训练轮数和是否校准"},
	{regexp.MustCompile(`^(\S+) is left out: (.*)$`), "未包含 $1：$2"},
	{regexp.MustCompile(`^(.*) holds the probabilities of (\S+)$`), "$1 中为 $2 的预测概率"},
}

// note says a note in the page's language; one that has no words there as it is.
func (v viewer) note(english string) string {
	if v.lang == page.English {
		return english
	}
	for _, n := range notes {
		if n.english.MatchString(english) {
			return n.english.ReplaceAllString(english, n.chinese)
		}
	}
	return english
}

// leak says a finding in the page's language.
func (v viewer) leak(f Finding) string {
	if v.lang == page.English {
		return f.String()
	}
	switch f.Leak {
	case Separates:
		return fmt.Sprintf("仅凭 %s 即可区分标签（AUC %.3f，其余列中最高为 %.3f）", f.Feature, f.Value, f.Other)
	case GivesAway:
		return fmt.Sprintf("%s %s时透露标签（其中 %.1f%% 属于同一类，按其余各列预期为 %.1f%%）", f.Feature, stateInChinese(f.State), 100*f.Value, 100*f.Other)
	}
	return fmt.Sprintf("%s 在 %s 上失去作用（去掉该列后，AUC 前段下降 %.3f，后段下降 %.3f）", f.Feature, f.Slice, f.Value, f.Other)
}

func stateInChinese(state string) string {
	switch state {
	case "is missing":
		return "缺失"
	case "is there":
		return "有值"
	}
	return "为 " + strings.TrimPrefix(state, "is ") + " "
}
