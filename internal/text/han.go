package text

import "unicode/utf8"

const (
	stretchRunes = 64   // looked at to decide about one stretch of Han
	contextBytes = 2048 // looked ahead to decide about stretches that do not tell themselves
	kanaShare    = 8    // Japanese has more than one kana to this many Han and kana
)

// hanFinder decides whether Han is Chinese or Japanese.
type hanFinder struct {
	start, end int // of the stretch decided last
	language   string

	scanned    int // text before this was counted …
	kana, hans int // … into these, the older the less
}

// hanLanguage returns the language of the Han character at byte i: Japanese if its stretch (no space or punctuation between) has
// kana, Chinese if it has a character that only Chinese writes, and else whichever the text around is.
func (s *Segmenter) hanLanguage(i int) string {
	if s.langs.hanSet {
		return s.langs.of[han]
	}
	f := &s.han
	if i >= f.start && i < f.end {
		return f.language
	}
	f.start, f.language = i, ""
	at := i
	for n := 0; at < len(s.text) && n < stretchRunes; n++ {
		r, w := utf8.DecodeRuneInString(s.text[at:])
		sc := scriptOf(r)
		if sc == kana && f.language == "" {
			f.language = s.langs.of[kana]
		}
		if sc == han && isChineseOnly(r) {
			f.language = s.langs.of[han]
		}
		if !sc.isCJK() && !isDigit(r) {
			break
		}
		at += w
	}
	f.end = at
	if f.language == "" {
		f.language = s.contextLanguage(i)
	}
	return f.language
}

// contextLanguage weighs kana against Han in the text around byte i: in all before it, the older the less, and some after it. Each byte
// is looked at once, however often it is asked.
func (s *Segmenter) contextLanguage(i int) string {
	f := &s.han
	for f.scanned < min(len(s.text), i+contextBytes) {
		f.kana, f.hans = f.kana/2, f.hans/2
		for end := f.scanned + contextBytes/2; f.scanned < end && f.scanned < len(s.text); {
			r, w := utf8.DecodeRuneInString(s.text[f.scanned:])
			switch scriptOf(r) {
			case kana:
				f.kana++
			case han:
				f.hans++
			}
			f.scanned += w
		}
	}
	if f.kana*kanaShare > f.kana+f.hans {
		return s.langs.of[kana]
	}
	return s.langs.of[han]
}

// isChineseOnly tells frequent characters of Chinese that Japanese does not write: pronouns, particles and simplified forms. Most
// are the frequent ones that JIS X 0208 lacks.
func isChineseOnly(r rune) bool {
	switch r {
	case
		'优', '东', '两', '为', '么', '乐', '买', '们', '你', '佢', '佬', '俩', '兰', '关', '兴', '冇', '农', '冧', '务', '动', '单', '卖', '厅', '历', '压',
		'发', '叻', '吗', '吧', '员', '呢', '咁', '咗', '咱', '哋', '哎', '哪', '唉', '啊', '啥', '啦', '啲', '喂', '喎', '喔', '喺', '嗎', '嗯', '嗰',
		'嘅', '嘿', '嚟', '图', '圆', '场', '块', '处', '备', '够', '头', '夺', '奶', '她', '妈', '妳', '它', '实', '审', '对', '层', '岁', '应', '开',
		'张', '强', '归', '录', '很', '忆', '怀', '态', '总', '恶', '您', '战', '户', '执', '扩', '扫', '报', '拥', '择', '损', '换', '摆', '攞', '时',
		'显', '术', '极', '构', '标', '树', '样', '桥', '检', '欢', '汉', '汤', '沟', '洁', '测', '济', '浓', '满', '灵', '炼', '烦', '热', '爱', '爷',
		'爸', '狮', '环', '现', '甭', '电', '盘', '码', '确', '离', '种', '积', '稳', '穷', '笔', '签', '简', '类', '紧', '红', '约', '级', '纪', '纯',
		'纸', '线', '练', '组', '细', '织', '终', '经', '结', '绕', '绘', '给', '绝', '统', '继', '绩', '续', '维', '绿', '缓', '编', '缘', '罗', '职',
		'联', '肃', '脑', '脸', '节', '药', '虑', '虽', '见', '规', '视', '览', '觉', '說', '计', '订', '认', '讨', '让', '训', '议', '记', '讲', '许',
		'论', '设', '访', '证', '评', '识', '诉', '词', '译', '试', '诗', '诚', '话', '该', '详', '语', '误', '说', '请', '诸', '读', '课', '谁', '谈',
		'谓', '谢', '谱', '货', '质', '购', '贵', '贸', '费', '资', '赏', '赛', '赞', '赢', '跃', '车', '轨', '转', '轮', '软', '轻', '载', '较', '辆',
		'输', '边', '达', '迁', '过', '运', '还', '这', '进', '远', '连', '迟', '适', '选', '递', '逻', '遗', '邮', '邻', '郑', '酱', '释', '针', '钟',
		'钢', '钱', '铁', '银', '锁', '错', '键', '长', '门', '闭', '问', '闲', '间', '闹', '闻', '队', '阳', '阴', '阵', '阶', '际', '陆', '陈', '险',
		'隐', '难', '雾', '页', '项', '顺', '须', '顾', '顿', '预', '领', '频', '颗', '题', '颜', '额', '风', '飘', '飞', '饭', '饮', '饿', '马', '驾',
		'验', '骑', '骗', '鱼', '鲜', '鸟', '鸡', '齐', '齿', '龙', '龟':
		return true
	}
	return false
}
