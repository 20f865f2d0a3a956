-- `fathom lsp` in a headless Neovim with the configuration that ships: `nvim --headless -u NONE
-- -l` is newer than Debian's, so this is sourced. FATHOM names the program, TREE a folder.

local function fail(what)
  io.stderr:write(what .. "\n")
  vim.cmd("cquit 1")
end

local function check(what, found, expected)
  if not vim.deep_equal(found, expected) then
    fail(what .. ": " .. vim.inspect(found) .. " is not " .. vim.inspect(expected))
  end
end

local function run()
  local tree = os.getenv("TREE")
  package.path = os.getenv("CONFIG") .. "/?.lua;" .. package.path
  require("fathom").setup({ cmd = { os.getenv("FATHOM"), "lsp" } })
  vim.cmd("edit " .. tree .. "/main.rs")
  local ready = vim.wait(10000, function()
    local all = vim.lsp.buf_get_clients(0)
    local _, client = next(all)
    return client ~= nil and client.initialized
  end)
  check("a client is attached", ready, true)
  local function ask(method, params)
    local answers, problem = vim.lsp.buf_request_sync(0, method, params, 20000)
    if problem then
      fail(method .. ": " .. problem)
    end
    local _, answer = next(answers)
    if answer.err or answer.error then
      fail(method .. ": " .. vim.inspect(answer))
    end
    return answer.result
  end
  local found = ask("workspace/symbol", { query = "add" })
  check("a symbol is found", found[1].name, "add")
  vim.api.nvim_win_set_cursor(0, { 7, 5 })
  local place = vim.lsp.util.make_position_params()
  local hover = ask("textDocument/hover", place)
  check("the card", hover.contents.value:match("%*%*function%*%* `add`"), "**function** `add`")
  -- What is typed and not saved counts.
  vim.api.nvim_buf_set_lines(0, 0, 0, false, { "// höhe 𝄞", "" })
  vim.api.nvim_win_set_cursor(0, { 9, 5 })
  local definition = ask("textDocument/definition", vim.lsp.util.make_position_params())
  check("the definition", definition[1].range.start, { line = 3, character = 3 })
  local symbols = ask("textDocument/documentSymbol", { textDocument = vim.lsp.util.make_text_document_params() })
  check("symbols", { symbols[1].name, symbols[2].name }, { "add", "main" })
  -- An explanation opens a window.
  local about = { uri = vim.uri_from_bufnr(0), position = place.position }
  about.position = vim.lsp.util.make_position_params().position
  local result = ask("workspace/executeCommand", { command = "fathom.explain", arguments = { about } })
  check("the explanation", result.markdown:match("^# `add`"), "# `add`")
  local shown = vim.wait(5000, function()
    return vim.api.nvim_buf_get_name(0):match("/shown/.*%.md$") ~= nil
  end)
  check("a document is shown", shown, true)
  vim.cmd("qall!")
end

local ok, problem = xpcall(run, debug.traceback)
if not ok then
  fail(tostring(problem))
end
