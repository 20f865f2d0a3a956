-- fathom in Neovim (0.7 or newer). Put this file into `lua/` of your configuration and write
-- `require("fathom").setup()` into `init.lua`; options: `cmd`, the program and its arguments.

local M = {}

local function root(path)
  local directory = vim.fn.fnamemodify(path, ":p:h")
  local found = vim.fn.finddir(".git", directory .. ";")
  if found == "" then
    return directory
  end
  return vim.fn.fnamemodify(found, ":p:h:h")
end

-- Newer versions do this by themselves.
local function show_document(_, result)
  local path = vim.uri_to_fname(result.uri)
  vim.cmd("split " .. vim.fn.fnameescape(path))
  return { success = true }
end

local clients = {}

local function attach(buffer, options)
  local path = vim.api.nvim_buf_get_name(buffer)
  if path == "" or vim.bo[buffer].buftype ~= "" then
    return
  end
  local directory = root(path)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.window = capabilities.window or {}
  capabilities.window.showDocument = { support = true }
  local config = {
    name = "fathom",
    cmd = options.cmd or { "fathom", "lsp" },
    root_dir = directory,
    workspace_folders = { { uri = vim.uri_from_fname(directory), name = directory } },
    capabilities = capabilities,
    handlers = {
      ["window/showDocument"] = vim.lsp.handlers["window/showDocument"] or show_document,
    },
  }
  if vim.lsp.start then
    return vim.lsp.start(config, { bufnr = buffer })
  end
  clients[directory] = clients[directory] or vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(buffer, clients[directory])
end

-- "Ask about this" needs a question.
local function ask(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  vim.ui.input({ prompt = "Ask about this: " }, function(question)
    if question and question ~= "" then
      local about = vim.tbl_extend("force", command.arguments[1], { question = question })
      local params = { command = command.command, arguments = { about } }
      client.request("workspace/executeCommand", params, nil, context.bufnr)
    end
  end)
end

function M.setup(options)
  options = options or {}
  vim.lsp.commands["fathom.ask"] = ask
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
    callback = function(event)
      attach(event.buf, options)
    end,
  })
end

return M
